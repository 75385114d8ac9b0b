"""A service's rules as the runtime sees them: its decider, and around it four eyes and the runtime's own events."""
