"""Screening: the port, and the provider that reads a list file."""
