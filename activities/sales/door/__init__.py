"""Let people in: ask about a ticket, and check it in."""
