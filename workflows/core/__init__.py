"""The saga kernel, activity calls in rounds, operator status and patches."""
