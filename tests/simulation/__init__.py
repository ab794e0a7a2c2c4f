"""Whole histories of a shop from one seed, in one process and in virtual time.

What is simulated never decides what is right: `oracle` works from the source alone.
"""
