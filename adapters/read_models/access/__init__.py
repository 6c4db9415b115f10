"""Who may act and who has entered, in the read models: API keys, and the doors of shows."""
