"""How fast it is, beside the slow ways, on this machine: `make bench`."""
