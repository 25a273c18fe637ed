"""The command line of asynchronous invocation: scenarios, and the diagnosis of a function's metrics."""
