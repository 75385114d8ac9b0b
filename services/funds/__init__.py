"""Funds: umbrellas, sub-funds and share classes, and when they deal (TA-F)."""
