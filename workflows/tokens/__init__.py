"""Workflows of tokens: groups of venues and shows, and the pins of their metadata."""
