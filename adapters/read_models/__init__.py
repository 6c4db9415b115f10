"""Projections of domain events into read models, and the queries over them."""
