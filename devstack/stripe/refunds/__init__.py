"""Refunds and the switches that finish them."""
