"""Commands that make logs cheap to keep and to ask: compaction, Athena, what it costs."""
