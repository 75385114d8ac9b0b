"""The write path over four ports (Store, Bus, Ledger, Clock), once for every service."""
