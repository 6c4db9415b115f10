"""Outgoing events: what the outside hears of our domain events, without personal data."""
