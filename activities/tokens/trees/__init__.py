"""Tickets as leaves of their show's tree: recorded, owed, and proved by a root on chain."""
