"""A Stripe of our own for development and tests: a server in its own process, with its state in one SQLite file."""
