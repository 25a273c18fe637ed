"""The report as one HTML file: no network, dark and light, and every text of a log escaped."""
