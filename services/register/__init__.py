"""Register: the legal record of who holds what (TA-R)."""
