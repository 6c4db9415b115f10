"""PaymentIntents and charges, test payment methods and currency rules."""
