"""Register venues and shows; change prices, discounts and capacity."""
