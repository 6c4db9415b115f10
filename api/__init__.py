"""The HTTP API: thin FastAPI routes."""
