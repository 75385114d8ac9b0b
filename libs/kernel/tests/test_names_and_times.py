"""Stream names and lanes (W-2), ids from time, times on the wire, bodies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from libs.kernel.envelope import Actor, Decision, EventEntry, Producer, body
from libs.kernel.errors import InvalidValue
from libs.kernel.ids import attestation_id, uuid7
from libs.kernel.streams import key_of, lane_of, lane_of_stream, lane_stream, stream_name
from libs.kernel.time import from_wire, to_wire

parts = st.text(min_size=1).filter(lambda text: "/" not in text)
moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - st adds it
lanes = st.integers(1, 64)


@given(parts, parts, parts, parts, lanes)
def test_w2_a_stream_lies_in_the_lane_of_its_key(service: str, key: str, kind: str, identity: str, count: int) -> None:
    stream = stream_name(service, key, kind, identity)
    if stream.split("/")[1:3] == [key, kind]:
        assert key_of(stream) == key
        assert lane_of_stream(stream, count) == lane_of(key, count)
    expected = int.from_bytes(keccak(text=key)[:8], "big") % count if key.isprintable() else lane_of(key, count)
    assert lane_of(key, count) == expected
    assert 0 <= lane_of(key, count) < count


def test_w2_all_streams_of_one_fund_share_a_lane() -> None:
    streams = [stream_name(service, "fund-1", "x", n) for service in ("orders", "nav", "register") for n in range(9)]
    assert len({lane_of_stream(stream, 4) for stream in streams}) == 1


@given(st.integers(0, 63), st.sampled_from(["epoch", "cursor"]))
def test_w2_a_services_own_streams_lie_in_the_lane_that_they_name(lane: int, kind: str) -> None:
    assert lane_of_stream(lane_stream("orders", lane, kind), 64) == lane
    with pytest.raises(InvalidValue, match="lanes"):
        lane_of_stream(lane_stream("orders", lane, kind), lane) if lane else lane_of_stream("orders/x/epoch", 1)


@pytest.mark.parametrize("wrong", ["", "orders", "orders/k", "orders/k/o", "orders/1/other", "a/b/c/d/e"])
def test_what_is_no_stream_name_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidValue):
        key_of(wrong)
    with pytest.raises(InvalidValue):
        lane_of_stream(wrong, 4)


@pytest.mark.parametrize("part", ["", "a/b"])
def test_a_part_of_a_name_is_neither_empty_nor_holds_a_slash(part: str) -> None:
    for wrong in ((part, "k", "a", "i"), ("s", part, "a", "i"), ("s", "k", part, "i"), ("s", "k", "a", part)):
        with pytest.raises(InvalidValue):
            stream_name(*wrong)


@given(moments, st.integers(0, 2**74 - 1))
def test_an_id_is_a_uuid_of_version_7_at_its_time(now: datetime, noise: int) -> None:
    made = uuid7(now, lambda bits: noise & ((1 << bits) - 1))
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == int(now.timestamp() * 1000)


@given(moments, moments)
def test_ids_sort_by_time(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    if later - earlier >= timedelta(milliseconds=2):
        assert uuid7(earlier) < uuid7(later)


@given(moments, moments, st.integers(0, 999), st.integers(0, 999))
def test_attestation_ids_are_of_version_7_and_sort_by_their_decisions_time(
    one: datetime, other: datetime, index: int, another: int
) -> None:
    earlier, later = sorted((one, other))
    first, second = uuid7(earlier), uuid7(later)
    low, high = UUID(attestation_id(first.bytes, index)), UUID(attestation_id(second.bytes, another))
    for derived, decision in ((low, first), (high, second)):
        assert (derived.version, derived.variant) == (7, RFC_4122)
        assert derived.int >> 80 == decision.int >> 80
    if later - earlier >= timedelta(milliseconds=2):
        assert low < high


@given(st.uuids(), st.sets(st.integers(0, 2**32 - 1), min_size=2, max_size=20))
def test_every_event_of_a_decision_has_an_id_of_its_own(decision: UUID, indexes: set[int]) -> None:
    derived = {attestation_id(decision.bytes, index) for index in indexes}
    assert len(derived) == len(indexes)
    assert derived == {attestation_id(decision.bytes, index) for index in indexes}


@given(st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - st adds it
def test_a_time_is_written_in_utc_with_microseconds_and_read_back(moment: datetime) -> None:
    assert from_wire(to_wire(moment)) == moment
    assert len(to_wire(moment)) == 27


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    moment = datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert to_wire(moment) == "2026-06-30T23:30:00.000000Z"


def test_a_naive_time_and_another_form_are_refused() -> None:
    with pytest.raises(InvalidValue, match="time zone"):
        to_wire(datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is refused
    for wrong in ("2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000+00:00", ""):
        with pytest.raises(InvalidValue):
            from_wire(wrong)


def test_a_body_says_what_was_decided_by_whom_and_where_it_stands_in_its_decision() -> None:
    own = "01980000-0000-7000-8000-000000000001"
    entries = tuple(EventEntry("post.ParcelSent.v1", "post/n/parcel/p", version, {"n": version}) for version in (1, 2))
    decision = Decision(
        own, "2026-01-02T03:04:05.000006Z", "acme", Actor("s", "clerk"), None, own, "aa", "bb", entries, "00-trace"
    )
    made = body(decision, 1, Producer("post", 3, 7))
    assert made["decision"] == {"id": own, "index": 1, "count": 2}
    assert made["producer"] == {"service": "post", "epoch": 3, "seq": 7}
    assert made["id"] == attestation_id(UUID(own).bytes, 1)
    assert (made["version"], made["data"]) == (2, {"n": 2})
    assert made["actor"] == {"sub": "s", "role": "clerk", "onBehalfOf": None}
    assert "00-trace" not in str(made)
    assert Actor.parse(made["actor"]) == decision.actor


def test_i8_a_record_names_the_distributor_only_of_an_actor_that_is_bound_to_one() -> None:
    bound = Actor("s", "distributor", None, "d-1")
    assert bound.wire() == {"sub": "s", "role": "distributor", "onBehalfOf": None, "distributor": "d-1"}
    assert Actor.parse(bound.wire()) == bound
    assert "distributor" not in Actor("s", "operations").wire()
