"""Tickets and their tokens."""
