"""Tells a webhook what failed, together with its log lines: dead letters, failed events, alarms (docs/notifier.md).

The pure modules decide: `events` and `letters` say what there is to tell and which request it is about, `search` finds
the lines of that request, `lines` reads one line, `layout` knows the keys, `message` writes the text. The others do
I/O: `bucket`, `queues`, `webhook`; `run` puts them together, and `app` is what Lambda calls. boto3 and the standard
library alone.
"""
