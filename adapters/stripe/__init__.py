"""Stripe: payments, connected accounts, webhooks and lists, over one client."""
