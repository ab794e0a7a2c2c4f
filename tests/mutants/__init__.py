"""Bugs planted one by one, each in a copy of the product: every one must be killed by its test."""
