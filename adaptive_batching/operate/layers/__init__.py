"""Versions of the layer: what was built, publishing it in regions, and which ARNs there are."""
