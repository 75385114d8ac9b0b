"""The screening port: a person in, entries of lists that are like it out; it fails closed (TA-I-3, invariant 11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Protocol

from libs.kernel.errors import CheckUnavailable
from libs.messages.investors import InvestorKind, ScreeningHit
from libs.messages.person_values import Identity, NaturalPerson


class ProviderAway(CheckUnavailable):
    """The provider gives no answer that can be trusted: out of reach, or its list is cut, empty or unreadable."""

    code = "screening-provider-away"
    title = "The screening provider does not answer"


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """Who is screened: names as they are written, and what tells namesakes apart. Never shown: it is personal."""

    name: str
    kind: InvestorKind = "natural"
    aliases: tuple[str, ...] = ()
    birth_date: date | None = None
    countries: frozenset[str] = field(default_factory=frozenset)


class ScreeningAnswer(NamedTuple):
    """Who answered, from which version of its lists, and the entries that are like the person; none is clean."""

    provider: str
    list_version: str
    hits: tuple[ScreeningHit, ...] = ()


class ScreeningProvider(Protocol):
    """Somebody who knows the lists."""

    async def screen(self, subject: Subject) -> ScreeningAnswer:
        """The answer; raises ProviderAway."""
        ...


async def screen_identity(provider: ScreeningProvider, identity: Identity, residence: str) -> ScreeningAnswer:
    """The person, and behind a legal one each of its controllers, as one answer; raises ProviderAway.

    `residence` is the country of the person's address.
    """
    answers = [await provider.screen(subject) for subject in subjects_of(identity, residence)]
    versions = {answer.list_version for answer in answers}
    if len(versions) > 1:
        raise ProviderAway("the list changed between the persons of one identity")
    best: dict[str, ScreeningHit] = {}
    for hit in sorted((hit for answer in answers for hit in answer.hits), key=lambda hit: -hit.score_percent):
        best.setdefault(hit.entry, hit)
    return ScreeningAnswer(answers[0].provider, answers[0].list_version, tuple(best.values()))


def subjects_of(identity: Identity, residence: str) -> list[Subject]:
    """Everybody to be screened for an investor, the investor first."""
    if isinstance(identity, NaturalPerson):
        return [_natural(identity, residence)]
    company = Subject(identity.full_name, "legal", countries=frozenset({residence}))
    return [company, *(_natural(person, None) for person in identity.controllers)]


def _natural(person: NaturalPerson, residence: str | None) -> Subject:
    countries = {person.nationality, person.birth_country, residence} - {None}
    return Subject(
        person.full_name,
        birth_date=person.birth_date,
        countries=frozenset(country for country in countries if country is not None),
    )
