"""Reading what was shipped. Of the extension it knows the format of the objects alone."""
