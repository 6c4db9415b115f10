"""IPFS: files pinned at a node."""
