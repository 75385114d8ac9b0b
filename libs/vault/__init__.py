"""Keys of data subjects: sealing of personal values, search tokens, documents, erasure (ledger.md, "Personal data")."""
