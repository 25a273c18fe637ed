"""What is wrong with an expression or a query."""


class LanguageError(ValueError):
    """An expression or a query cannot be understood. The message is a sentence that quotes what was read."""
