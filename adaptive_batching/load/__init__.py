"""Load and smoke tests: artillery's scripts sent to an API, a function or the sandbox, and what its logs say of it."""
