"""The supervisor: starts processes in order, probes them, restarts them, and stops them."""
