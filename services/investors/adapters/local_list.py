"""The local screening provider: a list in a file (TA-I-3).

JSON lines, UTF-8, the last one ended by a line feed. The first is the head, each other one an entry:

    {"list_name": "Example list", "list_version": "2026-11-20", "entries": 20}
    {"entry": "EX-1", "kind": "natural", "names": ["Иван Примеров", "Ivan Primerov"], "births": ["1961-03"],
     "countries": ["RU"]}

`names` has the name and its aliases in any script, `births` days, months or years, `countries` ISO 3166-1 codes.
Nothing is used of a file that is unreadable, cut (by the head's count) or empty: the provider is away meanwhile.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from libs.messages.investors import InvestorKind, ScreeningHit
from libs.messages.values import Country, Name
from services.investors.adapters.likeness import Like, NameIndex, is_comparable
from services.investors.adapters.screening import ProviderAway, ScreeningAnswer, Subject

log = structlog.get_logger(__name__)

# In percent, of a name that is a hit: by itself, with the same day of birth, from countries that differ.
HIT_PERCENT = 85
CONFIRMED_PERCENT = 75
ELSEWHERE_PERCENT = 90
# Lists err by a year or two; who was born in quite another one is somebody else.
BIRTH_YEARS = 2

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Birth = Annotated[str, StringConstraints(pattern=r"^[12][0-9]{3}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$")]
# What goes into events as it stands.
_Id = Annotated[Name, Field(max_length=80)]


Line = TypeVar("Line", bound=BaseModel)


class ListHead(BaseModel):
    """The first line: which list, which version, how many entries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    list_name: _Id
    list_version: Name
    entries: Annotated[int, Field(ge=1)]


class ListEntry(BaseModel):
    """A person on the list; `kind` None: the list does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entry: _Id
    kind: InvestorKind | None = None
    names: Annotated[tuple[_Text, ...], Field(min_length=1)]
    births: tuple[_Birth, ...] = ()
    countries: frozenset[Country] = frozenset()


class ListFile:
    """A list as it was read, ready to be asked."""

    def __init__(self, head: ListHead, entries: list[ListEntry]) -> None:
        self.head = head
        self._entries = entries
        self._of_name = [number for number, entry in enumerate(entries) for _ in entry.names]
        self._names = NameIndex(name for entry in entries for name in entry.names)

    def hits(self, subject: Subject) -> tuple[ScreeningHit, ...]:
        """The entries that the subject may be, each once, the likeliest first."""
        best: dict[str, int] = {}
        for name in (subject.name, *subject.aliases):
            for like in self._names.like(name):
                entry = self._entries[self._of_name[like.name]]
                if is_hit(entry, subject, like):
                    best[entry.entry] = max(best.get(entry.entry, 0), int(like.percent))
        ranked = sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))
        return tuple(
            ScreeningHit(entry=entry, list_name=self.head.list_name, score_percent=percent) for entry, percent in ranked
        )


def is_hit(entry: ListEntry, subject: Subject, like: Like) -> bool:
    """Whether a name that is like the entry's is a hit, with all else that is known of both.

    Another kind of person or a year of birth that differs by more than BIRTH_YEARS excludes; the same day of birth
    confirms, so that less of the name will do; countries that differ ask for more of it. What is unknown does neither.
    """
    if entry.kind not in (None, subject.kind):
        return False
    born = subject.birth_date
    confirmed = born is not None and born.isoformat() in entry.births
    if born is not None and entry.births:
        years = (abs(born.year - int(birth[:4])) for birth in entry.births)
        if min(years) > BIRTH_YEARS:
            return False
    if confirmed:
        return like.percent >= CONFIRMED_PERCENT
    if like.weak:
        return False
    elsewhere = bool(entry.countries and subject.countries) and entry.countries.isdisjoint(subject.countries)
    return like.percent >= (ELSEWHERE_PERCENT if elsewhere else HIT_PERCENT)


def read_list(path: Path) -> ListFile:
    """The list in a file; raises ProviderAway, naming the line, for one that is not whole."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProviderAway(f"the list file cannot be read: {type(error).__name__}") from error
    if not content.endswith(b"\n"):
        raise ProviderAway("the list file is empty, or cut in its last line")
    lines = content.splitlines()
    head = _parsed(ListHead, lines[0], 1)
    entries = [_parsed(ListEntry, text, number) for number, text in enumerate(lines[1:], start=2)]
    if len(entries) != head.entries:
        raise ProviderAway(f"the list file has {len(entries)} entries, and {head.entries} by its head")
    if len({entry.entry for entry in entries}) != len(entries):
        raise ProviderAway("the list file names an entry twice")
    if not all(any(map(is_comparable, entry.names)) for entry in entries):
        raise ProviderAway("the list file has an entry whose names cannot be compared with any")
    return ListFile(head, entries)


def _parsed(kind: type[Line], text: bytes, number: int) -> Line:
    try:
        return kind.model_validate(orjson.loads(text))
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise ProviderAway(f"line {number} of the list file is no {kind.__name__}: {type(error).__name__}") from error


class _Mark(NamedTuple):
    """By what a changed file is known."""

    inode: int
    modified_ns: int
    size_bytes: int


class LocalListProvider:
    """Screens against a list file, read again when it changed; implements `ScreeningProvider`."""

    def __init__(self, path: Path, provider: str = "local-list") -> None:
        self._path, self._provider = path, provider
        self._read: tuple[_Mark, ListFile] | None = None
        self._reading = asyncio.Lock()

    async def screen(self, subject: Subject) -> ScreeningAnswer:
        """See ScreeningProvider.screen."""
        if not is_comparable(subject.name):
            # Nobody is like it, which does not make it clean: it is to be given in other letters.
            raise ProviderAway("a name is in letters that cannot be compared with the list's")
        async with self._reading:
            known = await asyncio.to_thread(self._current)
        hits = await asyncio.to_thread(known.hits, subject)
        return ScreeningAnswer(self._provider, known.head.list_version, hits)

    def _current(self) -> ListFile:
        try:
            stat = self._path.stat()
        except OSError as error:
            raise ProviderAway(f"the list file cannot be read: {type(error).__name__}") from error
        mark = _Mark(stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if self._read is None or self._read[0] != mark:
            # A file that is not whole must not leave its predecessor in use.
            self._read = None
            known = read_list(self._path)
            self._read = mark, known
            log.info("screening_list_read", version=known.head.list_version, entries=known.head.entries)
        return self._read[1]
