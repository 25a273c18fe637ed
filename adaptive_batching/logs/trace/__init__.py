"""One request through all its functions: invocations, waits, spans, milestones that were never reached. Pure.

`invocations` and `finding` are SQL as text and what its rows mean; `waterfall` puts a trace together, `drawing` and
`otlp` write it down.
"""
