"""Reads the facts: from a template, or from AWS."""
