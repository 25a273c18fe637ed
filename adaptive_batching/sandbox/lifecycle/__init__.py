"""The lifecycle of one execution environment: init, invoke, freeze, reset and shutdown."""
