"""Asks a company, a real sandbox or the emulator, what the emulator can only assume.

A run sends fewer than 100 requests, writes into sandboxes and the emulator only, and leaves what
it made where it is: everything is named `Probe` and the instant of the run.
"""
