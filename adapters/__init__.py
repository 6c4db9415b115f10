"""The outside world, one package per technology."""
