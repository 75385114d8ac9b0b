"""The pure core: words, identifiers, time, money, events and the decider protocol."""
