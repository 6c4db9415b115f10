"""Venues, shows, ticket types, discounts and prices."""
