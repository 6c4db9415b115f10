"""Payments, refunds and disputes as reported by Stripe."""
