"""The figures of a report, as SQL over the views `logs` and `objects`. Each module makes one part of the document."""
