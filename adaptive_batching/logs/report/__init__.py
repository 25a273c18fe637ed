"""The report: figures over the views, as text, JSON, CSV or one HTML file."""
