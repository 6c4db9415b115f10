"""How the world reaches us: thin FastAPI routes."""
