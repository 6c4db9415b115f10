"""Webhook endpoints, and the delivery of outgoing events to them."""
