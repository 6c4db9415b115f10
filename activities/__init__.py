"""What we do: idempotent side effects that workflows call, and command handlers that the API calls, by subject."""
