"""Asynchronous invocation: the event queue, its metrics, and scenarios on a virtual clock. Pure over `now`."""
