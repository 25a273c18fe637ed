"""The views `logs` and `objects`, and the rules that are read from them."""
