"""The emulator measured against recorded traffic."""
