"""Mint and burn tickets' tokens and size the groups on chain."""
