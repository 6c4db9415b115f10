"""Benchmarks of the application beside usual alternatives, on this machine: `make bench`."""
