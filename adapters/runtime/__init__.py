"""Process-wide tuning: request coalescing and garbage collection."""
