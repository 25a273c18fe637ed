"""Several environments of one function, and the Invoke API in front of them."""

#: Environments that one function may have, when nothing else is said (an account's default on AWS is 1000).
CONCURRENCY = 10
