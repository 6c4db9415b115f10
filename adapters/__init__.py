"""How we reach the world: one module per vendor."""
