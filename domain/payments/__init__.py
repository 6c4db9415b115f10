"""Payments, refunds and disputes as Stripe tells of them."""
