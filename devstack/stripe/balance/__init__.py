"""Balance transactions and the balances that they add up to."""
