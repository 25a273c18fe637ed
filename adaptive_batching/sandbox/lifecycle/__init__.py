"""One execution environment: init, invoke, freeze, reset, shutdown."""
