"""JSON-RPC to Solana nodes: what counts as an answer, the pace of each node, the pool of nodes, the client."""
