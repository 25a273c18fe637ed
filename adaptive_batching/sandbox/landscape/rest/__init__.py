"""A REST API of API Gateway with Lambda proxy integrations: which function answers, its event, and its answer."""
