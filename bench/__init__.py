"""Measurements (`make bench`), one file a figure."""
