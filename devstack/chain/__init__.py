"""Dev chain: the real Solana virtual machine behind JSON-RPC, with its state in one SQLite file."""
