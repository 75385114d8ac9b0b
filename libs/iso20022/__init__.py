"""ISO 20022 messages of fund dealing: bytes in, frozen values out, and back (TA-O-9). No events, no HTTP."""
