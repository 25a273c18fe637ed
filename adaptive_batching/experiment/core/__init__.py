"""The pure part of the experiment: the plan, the ledger, what was seen, and the verdict."""
