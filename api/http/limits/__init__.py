"""Limits of callers: declared at each route, enforced before anything is read."""
