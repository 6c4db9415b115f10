"""Venues' connected accounts, transfers and payouts."""
