"""What every route shares: requests, problems, read-your-writes, the fast path."""
