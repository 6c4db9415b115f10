"""Stripe: payments, Connect, webhooks, listings and undelivered events."""
