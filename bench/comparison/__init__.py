"""Compares our figure with baselines, judges the ratio, and reports the table."""
