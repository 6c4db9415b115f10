"""Take purchase requests, hold seats, place, confirm and cancel orders."""
