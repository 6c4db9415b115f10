"""Rows about the stock of one ticket type: holds on it, beside the usual ways, and the load of a big one."""
