"""Shows: changes of what they are, and their cancellations."""
