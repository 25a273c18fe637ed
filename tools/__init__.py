"""Scripts that write the documents which follow from the code: `make docs`, or `python -m tools [--check]`."""
