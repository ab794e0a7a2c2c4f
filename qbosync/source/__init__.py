"""Read-only adapters to order systems: each hands over one `Snapshot`, and writes nothing."""
