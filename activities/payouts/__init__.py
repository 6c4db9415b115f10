"""Transfer venues their shares and post Stripe's payouts."""
