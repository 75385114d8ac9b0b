"""`make bench` shows every figure and every failure; nothing here measures time."""

import importlib
from io import StringIO
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from bench.__main__ import benches, chosen, measure, why
from bench.figure import BenchFailed, Beside, Failure, Figure, figure
from bench.report import shown, table, this_machine, wire
from libs.stack.addresses import Addresses

RIVAL = Beside("a bare loop", 20_000.0)
FAST = figure(
    "B1", "events attested", [11_000.0, 13_000.0, 12_500.0], "events/s", "at least 12,000/s on the ledger", RIVAL
)
SLOW = figure("B2", "p50", [900.0, 800.5, 850.0], "ms", "at most 700 ms (0.6 block periods + 100)")
SHOWN_ONLY = figure("B2", "p50, 1 caller", [650.0], "ms", "")
FAILED = Failure("B4", "b4_replay", "LedgerUnreachable: away")
FIGURE_KEYS = {"id", "name", "value", "unit", "min", "max", "runs", "aim", "beside", "met"}


def printed(*results: Figure | Failure) -> list[str]:
    said = StringIO()
    Console(file=said, width=240).print(table(results))
    return said.getvalue().splitlines()


def test_a_figure_is_the_median_of_its_runs_with_minimum_and_maximum() -> None:
    assert (FAST.value, FAST.min, FAST.max, FAST.runs) == (12_500.0, 11_000.0, 13_000.0, 3)


def test_an_aim_is_met_or_not_by_its_median() -> None:
    assert [one.is_met for one in (FAST, SLOW, SHOWN_ONLY)] == [True, False, None]
    assert figure("B9", "start", [1.5], "s", "at most 1.5 s").is_met


def test_an_aim_that_names_no_bound_is_no_aim() -> None:
    with pytest.raises(BenchFailed, match="neither"):
        _ = figure("B1", "x", [1.0], "s", "fast").is_met


def test_the_table_has_a_row_for_every_figure_and_says_why_a_bench_failed() -> None:
    lines = printed(FAST, SLOW, SHOWN_ONLY, FAILED)
    (fast,) = [line for line in lines if "events attested" in line]
    assert all(part in fast for part in ("12,500", "11,000 – 13,000", "yes", "a bare loop: 20,000 (ratio 0.62)"))
    (slow,) = [line for line in lines if "850" in line]
    assert " no " in slow
    (failed,) = [line for line in lines if "b4_replay" in line]
    assert "failed" in failed
    assert "LedgerUnreachable: away" in failed


def test_results_json_has_the_shape_of_measure_md() -> None:
    results = orjson.loads(orjson.dumps(wire([FAST, SLOW, FAILED], this_machine(), "abc")))
    assert results.keys() == {"machine", "commit", "figures"}
    assert results["machine"].keys() >= {"cpu", "cores", "memory_bytes", "load_average"}
    fast, slow, failed = results["figures"]
    assert fast.keys() == slow.keys() == FIGURE_KEYS
    assert (fast["value"], fast["runs"], fast["met"]) == (12_500.0, 3, True)
    assert fast["beside"] == {"name": "a bare loop", "value": 20_000.0}
    assert slow["beside"] is None
    assert failed == {"id": "B4", "name": "b4_replay", "failed": "LedgerUnreachable: away"}


def test_every_bench_of_the_folder_is_listed_under_the_number_of_its_file() -> None:
    files = {path.stem for path in (Path(__file__).parents[1] / "bench").glob("b[0-9]*_*.py")}
    listed = benches()
    assert set(listed.values()) == {f"bench.{stem}" for stem in files}
    assert list(listed) == sorted(listed, key=lambda identity: int(identity[1:]))
    assert {"B1", "B2", "B3", "B9"} <= listed.keys()


@pytest.mark.parametrize("identity", benches())
def test_every_bench_can_be_run_and_says_what_it_measures(identity: str) -> None:
    bench = importlib.import_module(benches()[identity])
    assert callable(bench.run)
    assert (bench.__doc__ or "").startswith(f"{identity}: ")


def test_only_takes_ids_in_any_case_and_refuses_one_that_is_not_there() -> None:
    assert list(chosen("b9, B1")) == ["B1", "B9"]
    with pytest.raises(BenchFailed, match="there is no B77; there are: B1"):
        chosen("B1,B77")


async def test_a_bench_that_fails_is_a_row_and_not_the_end(tmp_path: Path) -> None:
    quiet = Console(file=StringIO())
    (row,) = await measure("B1", "bench.b77_nothing", Addresses(tmp_path), quiet)
    assert isinstance(row, Failure)
    assert row.why == "ModuleNotFoundError: No module named 'bench.b77_nothing'"


def test_why_names_the_first_error_of_a_group() -> None:
    group = ExceptionGroup("several", [ExceptionGroup("inner", [ValueError("the cause")]), KeyError("later")])
    assert why(group) == "ValueError: the cause"


def test_numbers_are_shown_with_what_matters_of_them() -> None:
    assert [shown(value) for value in (12_345.6, 99.95, 1.234, 0.0123)] == ["12,346", "100", "1.23", "0.0123"]
