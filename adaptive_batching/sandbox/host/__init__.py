"""The machine below: processes, mounts, cgroups, and what they leave behind."""
