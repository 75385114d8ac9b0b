"""NAV: what a unit of each class is worth on each valuation date (TA-N)."""
