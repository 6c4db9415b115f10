"""Create, capture, cancel and refund payments of a purchase; resolve late ones."""
