"""Workflows of stock: capacities that change, and holds of the internal ticket API that end."""
