"""`adaptive-batching doctor`: does a function ship its logs, and if not, why.

`reading/` reads facts from a template or from AWS; `checks/` judges them and opens no connection.
"""
