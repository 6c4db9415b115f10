"""Commands that read the systems or the code, and report what does not hold."""
