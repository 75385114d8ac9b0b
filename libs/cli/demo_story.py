"""What happens to the demo's investors beside their import: read from a file, so that it can be another's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.kernel.errors import InvalidValue
from libs.messages.investors import BlockScope, Evidence, Reference
from libs.messages.person_values import BankDetails, BlockGround
from libs.messages.values import Code, Country, Currency, Name


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Distributor(_Part):
    """A distributor that places some of the investors."""

    code: Code
    name: Name
    country: Country


class JointAccount(_Part):
    """An account of several investors, named by their references, the first one first."""

    reference: Reference
    holders: Annotated[tuple[Reference, ...], Field(min_length=2)]
    signatures: int


class Block(_Part):
    """Something is forbidden to the account of an investor."""

    investor: Reference
    scope: BlockScope
    ground: BlockGround


class BankAccountChange(_Part):
    """The account of an investor is paid to another bank account from now on."""

    investor: Reference
    currency: Currency
    details: BankDetails
    evidence: Evidence


class Search(_Part):
    """Somebody looks for a person, in whatever spelling they know; `label` says of it what may be shown."""

    label: Name
    kind: Literal["name", "iban", "tin", "reference"] = "name"
    text: str


class Story(_Part):
    """`applicants` are registered, withdraw their drafts and are erased; bodies as the API takes them."""

    distributors: tuple[Distributor, ...] = ()
    joint_accounts: tuple[JointAccount, ...] = ()
    blocks: tuple[Block, ...] = ()
    bank_account_changes: tuple[BankAccountChange, ...] = ()
    applicants: tuple[dict[str, Any], ...] = ()
    searches: tuple[Search, ...] = ()


def read_story(file: Path) -> Story:
    """The story in a YAML file; raises InvalidValue naming the field, OSError."""
    try:
        return Story.model_validate(yaml.safe_load(file.read_text()) or {})
    except yaml.YAMLError as error:
        raise InvalidValue("not YAML", field=file.name) from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidValue(first["msg"], field=f"{file.name}: {place}") from None
