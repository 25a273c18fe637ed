"""What role, bucket and key have to allow so that a function's logs arrive: statements, and how they are written."""
