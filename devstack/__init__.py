"""Development stack: all servers and our own processes, run by one supervisor."""
