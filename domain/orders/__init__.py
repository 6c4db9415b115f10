"""One buyer's purchase from its request to its end."""
