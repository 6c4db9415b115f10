"""Allocations, holds, reservations and buyer limits."""
