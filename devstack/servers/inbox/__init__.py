"""An inbox for development: a mail server that keeps every letter, and pages that show them."""
