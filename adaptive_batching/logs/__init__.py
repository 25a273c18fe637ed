"""Read the objects that the extension shipped."""
