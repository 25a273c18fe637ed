"""What options, files and URLs say: bounds of numbers, words for what is invalid, JSON, this machine. Pure."""
