"""Solana: tokens read, signed and sent over JSON-RPC."""
