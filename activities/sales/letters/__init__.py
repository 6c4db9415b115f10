"""Letters to buyers: list those that are due, and send one."""
