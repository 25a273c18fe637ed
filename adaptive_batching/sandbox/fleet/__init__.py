"""Several environments of one function, and the Invoke API in front of them."""
