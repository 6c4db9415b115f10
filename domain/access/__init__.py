"""Access: API keys, their scopes, and the subjects that act."""
