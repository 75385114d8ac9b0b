"""Orders: a client's instruction to buy, sell or exchange units (TA-O)."""
