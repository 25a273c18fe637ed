"""The environments of one function, and the Invoke API in front of them."""

#: The default for the largest number of environments of one function (the default of an AWS account is 1000).
CONCURRENCY = 10
#: The largest number that an option accepts: that of an account. Each environment is two processes or more.
MOST_AT_ONCE = 1000
