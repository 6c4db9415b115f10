"""Workflows that bring outgoing events to others: to webhook endpoints, and as letters to buyers."""
