"""The lost-last-line experiment: invoke a function that logs `begin` and `end`, and find which lines never arrived.

Pure: rate, ledger, plan, observations, evidence, attempts, verdicts, report.
I/O: runner, local, objects, exports, the cli.
"""
