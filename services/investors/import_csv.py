"""A CSV file of investors as registrations (docs/investors-csv.md): one row is one decision.

A row with a reference has ids that follow from tenant, distributor and reference: whoever imports it again, from
whatever file, finds it there. No id follows from what is personal: ids stay in clear for ever (invariant 6). A row
without a reference is known by its idempotency key, which is kept as a keyed hash only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from libs.edge.importing_batches import Item, Rejected, value_class
from libs.edge.importing_csv import BadRow, CsvFile, Row
from libs.kernel.canonical import canonical
from libs.kernel.ids import named_id

ADDRESS = "/investors/batch"
NATURAL = ("family_name", "given_names", "birth_date", "birth_country", "nationality")
LEGAL = ("name", "legal_form", "registration_number", "incorporated_on", "lei")
LINES = ("address_1", "address_2", "address_3")
COLUMNS = (
    "kind", "reference", "distributor", "category", *NATURAL, *LEGAL, *LINES, "postal_code", "city", "country",
    "email", "phone", "fatca", "crs", "tax_residences", "tins", "signed_on", "iban", "bic", "holder", "currency",
)  # fmt: skip
REQUIRED = ("kind", "category", "address_1", "city", "country")
_DATES = ("birth_date", "incorporated_on", "signed_on")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# `DE: 12 345 678 903 | AE: none-A`: a country, then its number, or the reason for none (CRS: A, B, C).
_TIN = re.compile(r"([A-Za-z]{2})\s*:\s*(?:none-([ABC])|(\S.*))")
_BETWEEN = re.compile(r"[\s,|/]+")
_IN_PHONE = re.compile(r"[\s().\-/]+")
_RENAMED = {"residences": "tax_residences", "bank_currency": "currency", "investor": "reference", "identity": "kind"}


def table(path: Path, encoding: str | None = None) -> CsvFile:
    """The file with its columns checked; raises CsvUnreadable, EncodingUnknown, OSError."""
    return CsvFile(path, frozenset(COLUMNS), REQUIRED, encoding)


def items(rows: Iterable[Row | BadRow], tenant: str, submit: bool = False) -> Iterator[Item | Rejected]:
    """What is sent for each row; with `submit` the files go on to screening. A value is judged by the service."""
    for row in rows:
        if isinstance(row, BadRow):
            yield Rejected(*row)
        else:
            yield _item(row, tenant, submit)


def column_of(field: str) -> str:
    """The column that a field of a registration comes from: `body.address.lines.0` is `address_1`."""
    parts = [part for part in field.removeprefix("body.").split(".") if part not in {"natural", "legal"}]
    if parts[0] == "tax_identities":
        return "tins"
    if "lines" in parts:
        return f"address_{int(parts[-1]) + 1}" if parts[-1].isdecimal() else LINES[0]
    names = [part for part in parts if not part.isdecimal()]
    last = _RENAMED.get(names[-1], names[-1]) if names else ""
    return last if last in COLUMNS else ""


def _item(row: Row, tenant: str, submit: bool) -> Item | Rejected:
    cells = row.cells
    for column in _DATES:
        # A number would be read as seconds since 1970.
        if (value := cells.get(column)) is not None and not _DATE.fullmatch(value):
            return Rejected(row.line, column, f"{value_class(value)}, not a date as YYYY-MM-DD")
    tins = [_TIN.fullmatch(part.strip()) for part in cells.get("tins", "").split("|") if part.strip()]
    if not all(tins):
        reason = f"{value_class(cells['tins'])}, not COUNTRY:NUMBER or COUNTRY:none-A, one after another with |"
        return Rejected(row.line, "tins", reason)
    body = _body(cells)
    if tins:
        body["tax_identities"] = [_tax_identity(found) for found in tins if found]
    if submit:
        body["submit"] = True
    if reference := cells.get("reference"):
        investor = named_id(tenant, "investor", cells.get("distributor", ""), reference)
        body["investor"] = str(investor)
        if "bank" in body:
            body["bank_account"] = str(named_id(tenant, "bank_account", str(investor), "1"))
    key = hashlib.sha256(canonical(["investors", tenant, body])).hexdigest()
    return Item(row.line, f"import-{key}", body, cells)


def _body(cells: Mapping[str, str]) -> dict[str, Any]:
    """The registration of a row; what is missing is left out, so that the service names it."""
    kind = cells.get("kind", "").casefold()
    identity = {"kind": kind, **_some(cells, NATURAL if kind == "natural" else LEGAL)}
    lines = [cells[column] for column in LINES if column in cells]
    body: dict[str, Any] = {
        **_some(cells, ("category", "reference", "distributor")),
        "identity": identity,
        "address": {"lines": lines, **_some(cells, ("postal_code", "city", "country"))},
    }
    if contact := _some(cells, ("email", "phone")):
        body["contact"] = contact
        if "phone" in contact:
            contact["phone"] = _IN_PHONE.sub("", contact["phone"])
    tax: dict[str, Any] = _some(cells, ("fatca", "crs", "signed_on"))
    if residences := [part.upper() for part in _BETWEEN.split(cells.get("tax_residences", "")) if part]:
        tax["residences"] = residences
    if tax:
        body["tax"] = tax
    if bank := _some(cells, ("iban", "bic", "holder")):
        names = (cells.get("name"),) if kind == "legal" else (cells.get("given_names"), cells.get("family_name"))
        body["bank"] = {"holder": " ".join(filter(None, names)), **bank}
    if "currency" in cells:
        body["bank_currency"] = cells["currency"]
    return body


def _tax_identity(found: re.Match[str]) -> dict[str, str]:
    country, reason, number = found.groups()
    return {"country": country.upper(), **({"tin": number} if number else {"missing_reason": reason})}


def _some(cells: Mapping[str, str], columns: Iterable[str]) -> dict[str, str]:
    return {column: cells[column] for column in columns if column in cells}
