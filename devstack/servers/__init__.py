"""Servers that stand for the outside world: their processes and their first setup."""
