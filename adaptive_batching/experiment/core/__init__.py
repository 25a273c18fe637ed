"""The pure part of the experiment: the plan, the ledger, the observations and the verdicts."""
