"""The one patience of the tests that wait for what must come."""

PATIENCE_SECONDS = 120.0
"""Only a failure takes it, so it is long: on a busy machine everything takes ten times as long."""
