"""Ports, command models, failure kinds and task queues shared by all activities."""
