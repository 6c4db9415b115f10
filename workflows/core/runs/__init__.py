"""How a run bears failures: subjects set aside, calls in line, and a history that ends."""
