"""TCP proxy that simulates network faults per route, for development and tests."""
