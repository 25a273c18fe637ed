"""The environments of one function, and the Invoke API in front of them."""

#: The default for the largest number of environments of one function (the default of an AWS account is 1000).
CONCURRENCY = 10
