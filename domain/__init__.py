"""What is true: pure rules and facts; no IO, no clock, no randomness."""
