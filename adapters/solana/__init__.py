"""Solana: RPC, Token-2022 instructions, mints, burns and groups."""
