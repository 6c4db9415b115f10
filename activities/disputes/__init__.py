"""Follow disputes until they are closed."""
