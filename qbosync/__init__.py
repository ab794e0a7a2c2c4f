"""One way, every two hours: what happened in an order system becomes documents in QuickBooks."""

__version__ = "0.1.0"
