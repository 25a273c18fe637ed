"""Servers that stand for AWS, beside moto's."""
