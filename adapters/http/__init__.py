"""HTTP clients: the RPC of a node of IPFS, and the receivers of webhooks."""
