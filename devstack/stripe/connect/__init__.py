"""Connected accounts: onboarding, transfers, reversals and payouts."""
