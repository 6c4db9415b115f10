"""What stays true whatever breaks: one list, checked over the events and the outside systems."""
