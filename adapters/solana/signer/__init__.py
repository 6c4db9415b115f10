"""Our keys on chain: each has a role; every signature passes an allow list and a budget."""
