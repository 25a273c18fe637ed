"""A function to attach the layer to."""


def handler(event: object, context: object) -> str:  # noqa: ARG001 - as Lambda calls it
    """Log a line."""
    print("hello")
    return "hello"
