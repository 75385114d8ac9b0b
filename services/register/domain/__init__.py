"""The rules of the register, pure: lots, and what corporate actions do to them."""
