"""Event sources that are streams of DynamoDB tables."""
