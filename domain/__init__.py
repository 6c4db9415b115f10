"""The domain: pure rules and events; no IO, no clock, no randomness."""
