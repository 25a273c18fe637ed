"""Read what was shipped: where the objects are, and what is done with them."""
