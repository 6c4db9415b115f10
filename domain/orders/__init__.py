"""A buyer's purchase from the request to its end."""
