"""Events: no floats, names that are the stored format, older versions read as the present one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from libs.kernel.canonical import check
from libs.kernel.events import Catalogue, Event, UnknownEvent, Upcaster


class ParcelSent(Event):
    """A parcel left; version 1 had its weight in kilograms and no `sent`."""

    service: ClassVar[str] = "post"
    aggregate: ClassVar[str] = "parcel"
    key_field: ClassVar[str] = "depot"
    id_field: ClassVar[str] = "parcel"
    schema_version: ClassVar[int] = 3
    upcasters: ClassVar[Mapping[int, Upcaster]] = {
        1: lambda data: {**{k: v for k, v in data.items() if k != "kilograms"}, "grams": data["kilograms"] * 1000},
        2: lambda data: {**data, "sent": "2020-01-01"},
    }

    depot: str
    parcel: UUID
    grams: int
    sent: date
    postage: Decimal = Decimal(0)


PARCEL = UUID("01980000-0000-7000-8000-000000000001")


def test_an_event_names_its_stream_and_its_stored_type() -> None:
    event = ParcelSent(depot="north", parcel=PARCEL, grams=5, sent=date(2026, 1, 2), postage=Decimal("1.50"))
    assert event.stream() == f"post/north/parcel/{PARCEL}"
    assert ParcelSent.type_name() == "post.ParcelSent.v3"


def test_the_data_of_an_event_is_canonical_json_and_reads_back() -> None:
    event = ParcelSent(depot="north", parcel=PARCEL, grams=5, sent=date(2026, 1, 2), postage=Decimal("1.50"))
    data = event.data()
    check(data)
    assert data["postage"] == "1.50"
    assert Catalogue([ParcelSent]).parse("post.ParcelSent.v3", data) == event


def test_older_versions_are_upcast_step_by_step() -> None:
    catalogue, old = Catalogue([ParcelSent]), {"depot": "north", "parcel": str(PARCEL)}
    expected = ParcelSent(depot="north", parcel=PARCEL, grams=2000, sent=date(2020, 1, 1))
    assert catalogue.parse("post.ParcelSent.v1", {**old, "kilograms": 2}) == expected
    assert catalogue.parse("post.ParcelSent.v2", {**old, "grams": 2000}) == expected


@pytest.mark.parametrize(
    "name", ["post.ParcelLost.v1", "post.ParcelSent.v4", "post.ParcelSent.vx", "post.ParcelSent", "", "ParcelSent.v1"]
)
def test_an_unknown_type_or_a_later_version_is_never_skipped(name: str) -> None:
    with pytest.raises(UnknownEvent):
        Catalogue([ParcelSent]).parse(name, {})


def test_a_catalogue_knows_every_version_and_takes_a_name_once() -> None:
    catalogue = Catalogue([ParcelSent])
    assert catalogue.types() == [ParcelSent]
    assert "post.ParcelSent.v1" in catalogue
    assert "post.ParcelLost.v1" not in catalogue
    with pytest.raises(TypeError, match=r"post\.ParcelSent"):
        Catalogue([ParcelSent, ParcelSent])


def test_inv07_a_float_field_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match=r"Plain\.price: an event has no float"):

        class Plain(Event):
            price: float

    with pytest.raises(TypeError, match="no float"):

        class Listed(Event):
            prices: list[dict[str, float | None]]


def test_inv07_a_float_inside_another_model_is_refused() -> None:
    class Inner(BaseModel):
        deep: tuple[float, ...]

    with pytest.raises(TypeError, match="no float"):

        class Outer(Event):
            inner: Inner | None = None


def test_an_event_is_frozen_and_takes_no_unknown_field() -> None:
    event = ParcelSent(depot="north", parcel=PARCEL, grams=5, sent=date(2026, 1, 2))
    with pytest.raises(ValidationError):
        event.grams = 6  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Catalogue([ParcelSent]).parse("post.ParcelSent.v3", {**event.data(), "more": 1})


def test_an_event_claims_releases_and_makes_due_nothing_unless_it_says_so() -> None:
    event = ParcelSent(depot="north", parcel=PARCEL, grams=5, sent=datetime(2026, 1, 2, tzinfo=UTC).date())
    assert (event.claims(), event.releases(), event.due()) == ((), (), ())
