"""What we do: one idempotent side effect per method, one file per external system."""
