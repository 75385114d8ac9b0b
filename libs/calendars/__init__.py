"""When is dealt: business days, wall clocks, and the dates that a receipt time takes (TA-F-2). No I/O."""
