"""Athena: tables that find their partitions by themselves, and queries over them."""
