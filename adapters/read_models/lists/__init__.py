"""The lists: where each document stands, and pages of them."""
