"""Idempotent side effects that workflows call, and command handlers that the API calls; a folder per subject."""
