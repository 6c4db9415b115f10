"""The task queues: one per external system, so that an outage of one never holds the others."""

PURCHASES = "purchases"
STRIPE = "stripe"
MINT = "mint"
ALL_QUEUES = (PURCHASES, STRIPE, MINT)
