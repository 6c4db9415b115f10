"""What every aggregate shares: events, unit of work, refusals, ids."""
