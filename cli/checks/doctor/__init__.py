"""`boxoffice doctor`: asks a running system what no code can tell."""
