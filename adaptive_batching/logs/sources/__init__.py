"""Where shipped objects are: a bucket or a folder."""
