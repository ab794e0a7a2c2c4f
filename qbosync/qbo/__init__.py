"""Speaking to QuickBooks Online: requests, faults, limits, signing in.

Knows nothing of orders and ledgers.  A read either answers or raises; a write always
answers, and says honestly when its outcome is not known.
"""
