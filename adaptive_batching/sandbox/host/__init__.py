"""This machine: processes, mounts, cgroups, and what they leave behind."""
