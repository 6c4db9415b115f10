"""Personal data at rest: keys, the table of buyers, retention."""
