"""What runs on the host: processes, their output, mounts, control groups, and the folders of environments."""
