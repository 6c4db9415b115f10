"""Stripe emulator for development and tests: a server with its state in one SQLite file."""
