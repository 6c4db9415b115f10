"""Workflows: deterministic sagas that read like the business process."""
