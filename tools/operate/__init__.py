"""Scripts about what is deployed: a stack, and the snippets for other tools."""
