"""The rules of the NAV, pure: its computation, checks, swing, and what an error of it costs whom."""
