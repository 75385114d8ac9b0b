"""The ledger: record codec, hashing, chain client, verification; used by the fleet and by an auditor alike."""
