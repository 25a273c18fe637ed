"""The external Lambda extension: the only package of this project that goes into the layer."""
