"""Rows on their way through a batched route: nothing twice, nothing lost, no value in a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from libs.adapters.clock import SystemClock
from libs.edge.asking import ServiceAway
from libs.edge.importing_batches import BatchImporter, BatchRefused, Counts, Item, Rejected, value_class

Answer = Callable[[list[dict[str, Any]]], tuple[int, dict[str, Any]]]


def committed(entry: dict[str, Any], *, repeated: bool = False) -> dict[str, Any]:
    return {"key": entry["key"], "status": "committed", "repeated": repeated}


def refused(entry: dict[str, Any], **problem: Any) -> dict[str, Any]:
    return {"key": entry["key"], "status": "refused", "repeated": False, "problem": problem}


def all_committed(entries: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    return 200, {"results": [committed(entry) for entry in entries]}


class Service:
    """A batched route that answers what a test says, the last answer again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [all_committed]
        self.batches: list[list[dict[str, Any]]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        entries = (await request.json())["entries"]
        self.batches.append(entries)
        status, content = (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(entries)
        return web.json_response(content, status=status)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    served = Service()
    app = web.Application()
    app.router.add_post("/batch", served.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/batch"
    yield served
    await runner.cleanup()


def item(line: int, **cells: str) -> Item:
    return Item(line, f"key-{line}", {"line": line}, cells)


async def run(
    service: Service, rows: Iterator[Item | Rejected] | list[Item | Rejected], **more: Any
) -> tuple[Counts, list[Rejected]]:
    bad: list[Rejected] = []
    importer = BatchImporter(service.url, "token", SystemClock(), lambda field: field.removeprefix("body."), **more)
    counts = await importer.run(rows, lambda counts: None, bad.append)
    return counts, sorted(bad)


async def test_rows_go_in_batches_and_are_read_as_batches_are_done(service: Service) -> None:
    read = 0

    def rows() -> Iterator[Item]:
        nonlocal read
        for read in range(1, 1_001):
            # Two batches of ten are on their way at most, so so many rows more than answered were read at most.
            assert read <= 10 * len(service.batches) + 20
            yield item(read)

    counts, bad = await run(service, rows(), size=10, at_once=2)
    assert (counts.new, counts.there, counts.rejected, bad) == (1_000, 0, 0, [])
    assert {len(batch) for batch in service.batches} == {10}


async def test_invariant_9_what_was_there_already_is_told_so(service: Service) -> None:
    service.answers = [
        lambda entries: (200, {"results": [committed(e, repeated=e["key"] != "key-1") for e in entries]})
    ]
    counts, _ = await run(service, [item(1), item(2), item(3)])
    assert (counts.new, counts.there) == (1, 2)


async def test_invariant_9_two_rows_alike_are_sent_once(service: Service) -> None:
    counts, _ = await run(service, [item(1), item(2), item(1)])
    assert (counts.new, counts.there, [len(batch) for batch in service.batches]) == (2, 1, [2])


async def test_w1_what_is_not_committed_yet_is_asked_for_again_and_still_counts_as_new(service: Service) -> None:
    def late(entries: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        first, *rest = entries
        results = [committed(first), *({"key": e["key"], "status": "decided", "repeated": False} for e in rest)]
        return 202, {"results": results}

    service.answers = [late, lambda entries: (200, {"results": [committed(e, repeated=True) for e in entries]})]
    counts, _ = await run(service, [item(1), item(2), item(3)])
    assert (counts.new, counts.there, [len(batch) for batch in service.batches]) == (3, 0, [3, 2])


async def test_what_could_not_be_decided_is_sent_again(service: Service) -> None:
    def busy(entries: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        return 200, {"results": [{"key": e["key"], "status": "failed", "problem": {"status": 503}} for e in entries]}

    service.answers = [busy, lambda entries: (503, {}), all_committed]
    counts, _ = await run(service, [item(1), item(2)])
    assert (counts.new, len(service.batches)) == (2, 3)


async def test_a_bad_row_is_named_by_line_column_and_kind_of_value_and_never_by_the_value(service: Service) -> None:
    problems: list[dict[str, Any]] = [
        {"field": "iban", "detail": "not an IBAN: InvalidChecksumDigits"},
        {
            "errors": [
                {"field": "body.city", "message": "Field required"},
                {"field": "body.name", "message": "Value error, x"},
            ]
        },
        {"field": "name", "detail": "there is no Anna Weber"},
        {"title": "Refused", "detail": ""},
    ]
    service.answers = [
        lambda entries: (200, {"results": [refused(e, **p) for e, p in zip(entries, problems, strict=True)]})
    ]
    rows = [item(line, iban="DE00 1234", name="Anna Weber") for line in (2, 3, 4, 5)]
    counts, bad = await run(service, [*rows, Rejected(6, "", "a NUL")])
    assert counts.rejected == 5
    assert bad == [
        Rejected(2, "iban", "9 characters (letters, digits), not an IBAN: InvalidChecksumDigits"),
        Rejected(3, "", "city: missing; name: 10 characters (letters), x"),
        Rejected(4, "name", "10 characters (letters), the value is not valid"),
        Rejected(5, "", "Refused"),
        Rejected(6, "", "a NUL"),
    ]


async def test_a_batch_of_wide_rows_that_is_too_large_goes_in_parts(service: Service) -> None:
    service.answers = [lambda entries: (413, {"title": "too large"}) if len(entries) > 3 else all_committed(entries)]
    counts, _ = await run(service, [item(line) for line in range(10)])
    assert counts.new == 10


async def test_a_sender_whose_batches_are_not_taken_is_told_why(service: Service) -> None:
    service.answers = [lambda entries: (403, {"title": "Forbidden", "detail": "the permission x is needed"})]
    with pytest.raises(BatchRefused, match="403: the permission x is needed"):
        await run(service, [item(1)])


async def test_a_service_that_stays_away_ends_the_import(service: Service) -> None:
    service.answers = [lambda entries: (503, {})]
    with pytest.raises(ServiceAway):
        await run(service, [item(1)], patience_s=-1)


VALUES = [("", "0 characters"), ("a", "1 character (letters)"), ("Łódź 5-6", "8 characters (letters, digits, signs)")]


@pytest.mark.parametrize(("value", "kind"), VALUES)
def test_a_kind_of_value_is_its_length_and_what_it_is_made_of(value: str, kind: str) -> None:
    assert value_class(value) == kind
