"""Amounts, currencies, breakdowns, the double-entry books and statements."""
