"""verify: a whole ledger walked and held against itself, its deployment, its past and the databases (ledger.md).

`walk` has the function `verify`, `report` what it returns. Nothing is imported here: workers need only a part of it.
"""
