"""Folds of money: payments, refunds, disputes, transfers, venues' accounts and the books."""
