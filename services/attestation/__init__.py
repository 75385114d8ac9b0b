"""Attestation: writes the services' signed runs to the ledger, lane by lane, and publishes what was mined."""
