"""Self-certifications: every residence with its tax number, the number checked where its country is known (TA-I-4).

A country and kind of person stands here with the modules of python-stdnum that know its number, any of which may accept
it. Of the others, and where a kind of person has numbers that stdnum does not know, only the form is checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from stdnum import get_cc_module

from libs.kernel.errors import InvalidValue
from libs.messages.codes import check_country
from libs.messages.investors import InvestorKind
from libs.messages.person_values import TaxIdentity, TaxStatus

_BOTH: Mapping[str, str] = {
    "AD": "nrt", "AR": "cuit", "AU": "tfn", "BY": "unp", "CL": "rut", "CO": "nit", "CY": "vat", "DO": "cedula rnc",
    "EC": "ci ruc", "EG": "tn", "ES": "nif", "FR": "nif siren siret", "GR": "vat", "GT": "nit", "HR": "oib",
    "ID": "npwp nik", "IN": "pan", "IS": "kennitala", "IT": "codicefiscale iva", "KE": "pin", "LI": "peid",
    "LT": "asmens pvm", "LV": "pvn", "MK": "edb", "MX": "rfc", "MZ": "nuit", "NL": "bsn", "NO": "fodselsnummer orgnr",
    "NZ": "ird", "PE": "ruc cui", "PL": "pesel nip", "PT": "nif", "PY": "ruc", "RU": "inn", "SE": "personnummer orgnr",
    "SI": "ddv", "SV": "nit", "TH": "tin", "TN": "mf", "TR": "tckimlik vkn", "VE": "rif", "VN": "mst",
    "ZA": "tin",
}  # fmt: skip
_NATURAL: Mapping[str, str] = {
    "AT": "tin", "BE": "nn bis", "BG": "egn pnf", "BR": "cpf", "CA": "sin", "CH": "ssn", "CN": "ric", "CR": "cpf cr",
    "CU": "ni", "CZ": "rc dic", "DE": "idnr", "DK": "cpr", "EE": "ik", "FI": "hetu", "IE": "pps", "IL": "idnr",
    "JP": "in_", "KR": "rrn", "MU": "nid", "PK": "cnic", "RO": "cnp", "SK": "rc dph", "UA": "rntrc",
    "US": "ssn itin",
}  # fmt: skip
_LEGAL: Mapping[str, str] = {
    "AL": "nipt", "AT": "tin uid", "AZ": "voen", "BE": "vat", "BG": "vat", "BR": "cnpj", "CA": "bn", "CH": "uid",
    "CN": "uscc", "CR": "cpj", "CZ": "dic", "DE": "stnr vat", "DK": "cvr", "DZ": "nif", "EE": "registrikood",
    "FI": "ytunnus", "FO": "vn", "GB": "utr", "GH": "tin", "GN": "nifp", "HU": "anum", "IE": "vat", "IL": "hp",
    "JP": "cn", "KR": "brn", "MA": "ice", "MD": "idno", "ME": "pib", "RO": "cui", "RS": "pib", "SG": "uen",
    "SK": "dph", "SM": "coe", "SN": "ninea", "TW": "ubn", "UA": "edrpou", "US": "ein", "UY": "rut",
}  # fmt: skip
MODULES: Mapping[InvestorKind, Mapping[str, str]] = {"natural": {**_BOTH, **_NATURAL}, "legal": {**_BOTH, **_LEGAL}}
_FORM = re.compile(r"[0-9A-Z][0-9A-Z ./-]{0,38}[0-9A-Z]", re.IGNORECASE)


def check_tin(tin: str, country: str, kind: InvestorKind, field: str) -> None:
    """Raise InvalidValue, naming the field but never the number, for one that its country cannot have given."""
    if not _FORM.fullmatch(tin) or not any(mark.isdigit() for mark in tin):
        raise InvalidValue("not a tax number: letters, digits, and marks between them", field=field)
    names = MODULES[kind].get(country, "").split()
    if names and not any(_accepts(country, name, tin) for name in names):
        raise InvalidValue(f"not a tax number of {country}: form or check digit is wrong", field=field)


def check_certification(tax: TaxStatus, identities: tuple[TaxIdentity, ...], kind: InvestorKind, now: datetime) -> None:
    """Raise InvalidValue, naming the field, unless status, residences and tax numbers fit the person and each other."""
    # Somewhere on earth the next day has begun.
    if tax.signed_on > (now + timedelta(hours=14)).date():
        raise InvalidValue("signed in the future", field="tax.signed_on", value=tax.signed_on)
    if (kind == "natural") != (tax.crs == "individual"):
        raise InvalidValue("a natural person is an individual, a legal one is none", field="tax.crs", value=tax.crs)
    if kind == "natural" and tax.fatca not in ("non_us", "us_person"):
        raise InvalidValue("a natural person is a US person or none", field="tax.fatca", value=tax.fatca)
    numbers = _numbers(identities, kind)
    for position, country in enumerate(tax.residences):
        check_country(country, f"tax.residences.{position}")
        if country not in numbers:
            raise InvalidValue(f"no tax number of {country}, nor a reason for none", field="tax_identities")
    if tax.fatca == "us_person" and numbers.get("US") is None:
        raise InvalidValue("a US person has a tax number of the US", field="tax_identities")


def _numbers(identities: tuple[TaxIdentity, ...], kind: InvestorKind) -> dict[str, str | None]:
    """The tax number by country, None where there is a reason for none."""
    numbers: dict[str, str | None] = {}
    for position, one in enumerate(identities):
        field = f"tax_identities.{position}"
        check_country(one.country, f"{field}.country")
        if one.country in numbers:
            raise InvalidValue("one tax number a country", field=f"{field}.country")
        if (one.tin is None) == (one.missing_reason is None):
            raise InvalidValue("either a tax number or the reason for none", field=f"{field}.tin")
        if one.tin is not None:
            check_tin(one.tin, one.country, kind, f"{field}.tin")
        numbers[one.country] = one.tin
    return numbers


def _accepts(country: str, name: str, tin: str) -> bool:
    module = get_cc_module(country.lower(), name)
    return module is not None and bool(module.is_valid(tin))
