"""How we reach the world: one folder per technology."""
