"""What a load test decides: the script, when requests are due, what is measured. Without clock, threads and I/O."""
