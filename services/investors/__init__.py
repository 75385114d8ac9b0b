"""Investors: who they are, that they may invest, their accounts and distributors (TA-I)."""
