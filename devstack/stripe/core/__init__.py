"""Calls, errors, forms, lists, fault rules and the store: shared by all endpoints."""
