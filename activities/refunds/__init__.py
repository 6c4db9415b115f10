"""Refund captured payments: by purchase, by ticket, by show."""
