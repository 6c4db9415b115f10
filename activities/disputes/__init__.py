"""Follow disputes to their end."""
