"""The fault suite (`make chaos`): a fleet of real processes under load, killed at will, judged by the ledger."""
