"""What reading shipped logs costs: converting them once, and searching in what was converted."""
