"""Event sources that are queues of SQS."""
