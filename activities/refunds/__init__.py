"""Give captured money back: by purchase, by ticket, by show."""
