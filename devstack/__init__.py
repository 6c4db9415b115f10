"""The world in a box: development servers, started and stopped by one supervisor."""
