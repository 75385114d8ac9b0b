"""Tests of funds: one example per rule, one property per invariant."""
