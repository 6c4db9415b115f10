"""Invariants of money: folds of its events, and the faults of a purchase's parts."""
