"""The dev chain: the real Solana virtual machine behind JSON-RPC, kept in one SQLite file."""
