"""Fixtures that every test folder may use."""

from libs.testkit.stack import stack

__all__ = ["stack"]
