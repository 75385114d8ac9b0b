"""A YAML document of umbrellas, sub-funds and classes as commands; bad entries are named, the others go on.

Every scalar is read as text, so that no number passes through a float and Norway (`NO`) stays a country;
aliases and merge keys (`<<`) work. Ids follow from the names: the same document gives the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import yaml
from pydantic import ValidationError

from libs.edge.importing import BadEntry, Entry
from libs.kernel.decider import Command
from libs.kernel.errors import AlreadyExists, CartularyError, InvalidValue
from libs.kernel.events import Claim
from libs.kernel.ids import named_id
from services.funds.domain.commands import invalid_values
from services.funds.domain.decider import FundsDecider
from services.funds.domain.initial_offer import OpenInitialOffer
from services.funds.domain.share_class import DraftShareClass
from services.funds.domain.sub_fund import RegisterSubFund
from services.funds.domain.umbrella import RegisterUmbrella

_LIMIT_BYTES = 5_000_000


class Found(NamedTuple):
    """An entry that can be imported: where it stands, and its command."""

    path: str
    command: Command


def read_funds(document: str, tenant: str, now: datetime) -> Iterator[Found | BadEntry]:
    """The commands of a document in an order in which they can be decided, and the entries that give none.

    `OpenInitialOffer` needs a second person (F-4). Raises InvalidValue for what is no such document at all.
    """
    umbrellas = _parsed(document)["umbrellas"]
    if not isinstance(umbrellas, list):
        raise InvalidValue("a list is expected", field="umbrellas", value=type(umbrellas).__name__)
    trial = _Trial(tenant, now)
    for position, umbrella in enumerate(umbrellas):
        yield from trial.walk(umbrella, f"umbrellas[{position}]", {}, _UMBRELLA)


def entries(document: str, tenant: str, now: datetime) -> Iterator[Entry | BadEntry]:
    """The entries of a document for `cartulary import`; raises InvalidValue for what is no such document at all."""
    for found in read_funds(document, tenant, now):
        yield found if isinstance(found, BadEntry) else _entry(found.path, found.command)


def _entry(path: str, command: Command) -> Entry:
    values = command.model_dump(mode="json", exclude={"now"})
    match command:
        case RegisterUmbrella(umbrella=umbrella):
            return Entry(path, 0, "umbrella", "/umbrellas", values, f"/umbrellas/{umbrella}")
        case RegisterSubFund(umbrella=umbrella, sub_fund=sub_fund):
            del values["umbrella"]
            return Entry(path, 1, "sub-fund", f"/umbrellas/{umbrella}/sub-funds", values, f"/sub-funds/{sub_fund}")
        case DraftShareClass(umbrella=umbrella, sub_fund=sub_fund, share_class=share_class):
            del values["umbrella"], values["sub_fund"]
            address = f"/umbrellas/{umbrella}/sub-funds/{sub_fund}/share-classes"
            return Entry(path, 2, "share class", address, values, f"/share-classes/{share_class}")
        case _:
            return Entry(path, 3, "initial offer", None, {"command": type(command).__name__, "payload": values})


def _parsed(document: str) -> Mapping[str, Any]:
    if len(document.encode(errors="surrogatepass")) > _LIMIT_BYTES:
        raise InvalidValue(f"the document is larger than {_LIMIT_BYTES} bytes", field="document")
    try:
        root = yaml.compose(document, Loader=yaml.SafeLoader)
        parsed = None if root is None else _Text().of(root)
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidValue(f"not a YAML document: {error}", field="document") from error
    if not isinstance(parsed, dict) or "umbrellas" not in parsed:
        raise InvalidValue("the document has a list named umbrellas", field="umbrellas")
    return parsed


class _Text:
    """Text, lists and mappings out of YAML nodes; a node that aliases share is read once."""

    def __init__(self) -> None:
        self._read: dict[int, Any] = {}

    def of(self, node: yaml.Node) -> Any:
        """The value of a node."""
        if id(node) not in self._read:
            self._read[id(node)] = None  # what a node finds that holds itself
            self._read[id(node)] = self._value(node)
        return self._read[id(node)]

    def _value(self, node: yaml.Node) -> Any:
        match node:
            case yaml.ScalarNode(value=text):
                return text
            case yaml.SequenceNode(value=items):
                return [self.of(item) for item in items]
            case yaml.MappingNode(value=pairs):
                return self._mapping([(self.of(key), value) for key, value in pairs], node)
            case _:
                raise _at(node, "not text, a list or a mapping")

    def _mapping(self, pairs: list[tuple[Any, yaml.Node]], node: yaml.Node) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, value_node in pairs:
            if not isinstance(key, str) or key in own:
                raise _at(node, f"a key is text and stands once: {key!r:.80}")
            own[key] = self.of(value_node)
        merges = own.pop("<<", {})
        for other in merges if isinstance(merges, list) else [merges]:
            if not isinstance(other, dict):
                raise _at(node, "<< takes a mapping or a list of mappings")
            merged = other | merged
        return merged | own


def _at(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


class _Level(NamedTuple):
    """A kind of entry: its command, what names its id, and its part with the entries of the next kind."""

    command: type[Command]
    id_name: str | None
    id_from: str
    part: str | None
    below: _Level | None


_OFFER = _Level(OpenInitialOffer, None, "", None, None)
_CLASS = _Level(DraftShareClass, "share_class", "isin", "initial_offer", _OFFER)
_SUB_FUND = _Level(RegisterSubFund, "sub_fund", "code", "share_classes", _CLASS)
_UMBRELLA = _Level(RegisterUmbrella, "umbrella", "name", "sub_funds", _SUB_FUND)


@dataclass
class _Trial:
    """One pass over a document; a command is tried on states of its own first, so that the rules speak."""

    tenant: str
    now: datetime
    decider: FundsDecider = field(default_factory=FundsDecider)
    states: dict[str, Any] = field(default_factory=dict)
    claims: set[Claim] = field(default_factory=set)

    def walk(self, entry: Any, path: str, ids: Mapping[str, UUID], level: _Level) -> Iterator[Found | BadEntry]:
        """The command of an entry and of all below it, or what is wrong with it."""
        try:
            command, ids = self._command(entry, ids, level)
            self._try(command)
        except CartularyError as error:
            yield from _bad(path, error)
            for below, _ in _below(entry, path, level):
                yield BadEntry(below, "", "", "what it belongs to is not imported")
            return
        yield Found(path, command)
        for below, child in _below(entry, path, level):
            if level.below is not None:
                yield from self.walk(child, below, ids, level.below)

    def _command(self, entry: Any, ids: Mapping[str, UUID], level: _Level) -> tuple[Command, Mapping[str, UUID]]:
        if not isinstance(entry, dict):
            raise InvalidValue("a mapping is expected", value=type(entry).__name__)
        own = {key: value for key, value in entry.items() if key != level.part}
        if level.id_name is None:
            own = {"offer": own}
        else:
            name = entry.get(level.id_from)
            if not isinstance(name, str):
                raise InvalidValue("missing, or no text", field=level.id_from)
            umbrella = (str(ids["umbrella"]),) if level.id_name == "sub_fund" else ()
            ids = {**ids, level.id_name: named_id(self.tenant, level.id_name, *umbrella, name)}
        return level.command.model_validate({**own, **ids, "now": self.now}), ids

    def _try(self, command: Command) -> None:
        states = {stream: self.states.get(stream) for stream in command.streams()}
        for event in self.decider.decide(command, states):
            for claim in event.claims():
                if claim in self.claims:
                    raise AlreadyExists("it stands in this document twice", field=claim.kind, value=claim.value)
                self.claims.add(claim)
            self.states[event.stream()] = self.decider.evolve(self.states.get(event.stream()), event)


def _below(entry: Any, path: str, level: _Level) -> list[tuple[str, Any]]:
    """The entries below with their paths."""
    found = entry.get(level.part) if isinstance(entry, dict) else None
    if isinstance(found, list):
        return [(f"{path}.{level.part}[{position}]", child) for position, child in enumerate(found)]
    return [] if found is None or found == "" else [(f"{path}.{level.part}", found)]


def _bad(path: str, error: CartularyError) -> Iterator[BadEntry]:
    """Every failure of one entry."""
    cause = error.__cause__
    for each in invalid_values(cause) if isinstance(cause, ValidationError) else [error]:
        value = "" if each.value is None else str(each.value)
        yield BadEntry(path, each.field or "", value, each.detail)
