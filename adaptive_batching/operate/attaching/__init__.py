"""The layer and its variables on a function, beside what the function has already; and taken off again."""
