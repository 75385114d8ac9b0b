"""Documents that an investor or a distributor receives: A4, the same bytes for the same values. No events, no HTTP."""
