"""The command line of the sandbox and of the demonstration."""
