"""Post sales, mints and refunds to the double-entry books."""
