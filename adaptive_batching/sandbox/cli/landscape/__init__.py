"""The command `adaptive-batching sandbox landscape`: an application with three defects, loaded, and its report."""
