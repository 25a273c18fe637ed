"""The lost-last-line experiment: invoke a function that logs `begin` and `end`, and find which lines never arrived.

The modules in `core` are pure: rate, ledger, plan, observations, evidence, attempts, verdicts, report. The modules in
this folder do the I/O: runner, local, objects, exports and the command line.
"""
