"""Send venues their shares and follow Stripe's payouts."""
