"""What every activity shares: ports, command models, failure kinds and task queues."""
