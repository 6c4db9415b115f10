"""Work that waits, in the read models: matters at Stripe that are followed, and changes of trees."""
