"""The tools: a Lambda on this machine, the experiment, and what a person runs. Imports nothing of `extension`."""
