"""One suite of tests a port: the real and the simulated implementation are held to the same behaviour (W-22)."""
