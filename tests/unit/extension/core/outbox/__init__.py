"""Closed chunks on their way to the store, and what it says of them."""
