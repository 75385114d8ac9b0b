"""A deterministic simulation of all that is outside the write path: time, bus, store, ledger, crashes (W-22)."""
