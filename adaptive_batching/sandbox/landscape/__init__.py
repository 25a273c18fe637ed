"""All functions of a template with what feeds them: an HTTP API, queues, streams, schedules.

`description` and `events` read the template, `making` makes its buckets, queues and tables, `landscape` runs it all.
"""
