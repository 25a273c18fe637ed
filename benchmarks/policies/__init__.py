"""What rules of batching cost and how fresh they keep the logs, in a model of Lambda and for many kinds of traffic."""
