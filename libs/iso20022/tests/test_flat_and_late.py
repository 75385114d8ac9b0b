"""A service start pays for no message, a message for its own module only, and a large file stays small in memory."""

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.iso20022.catalogue import SPOKEN, model
from libs.iso20022.reading import read_messages
from libs.iso20022.values import OrderInstruction

ROOT = Path(__file__).resolve().parents[3]
MESSAGE = ROOT / "tests-e2e" / "data" / "messages" / "setr.010.xml"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_service_start_loads_neither_xsdata_nor_a_message() -> None:
    modules = "libs.iso20022.reading, libs.iso20022.writing, libs.iso20022.csv_orders"
    assert run(f"import sys, {modules}; print([m for m in sys.modules if 'xsdata' in m or 'iso20022.s' in m])") == (
        "['libs.iso20022.schema', 'libs.iso20022.statuses']"
    )


def test_one_message_loads_one_module_and_the_package_still_works_for_others() -> None:
    code = (
        "import sys; from libs.iso20022.catalogue import model; model('setr.010');"
        "print([m for m in sys.modules if m.startswith('python_iso20022.setr')]);"
        "import python_iso20022.setr; print(python_iso20022.setr.Setr01000104 is model('setr.010'))"
    )
    assert run(code).splitlines() == [
        "['python_iso20022.setr.enums', 'python_iso20022.setr.setr_010_001_04.models']",
        "True",
    ]


@pytest.mark.parametrize("kind", sorted(SPOKEN))
def test_o9_every_spoken_version_is_the_one_of_the_library(kind: str) -> None:
    assert model(kind).Meta.namespace == f"urn:iso:std:iso:20022:tech:xsd:{SPOKEN[kind][0]}"


def many(orders: int) -> Iterator[bytes]:
    """One message of many orders, made while it is read."""
    text = MESSAGE.read_text()
    start, end = text.index("      <IndvOrdrDtls>"), text.rindex("    </MltplOrdrDtls>")
    order = text[start : text.index("</IndvOrdrDtls>") + len("</IndvOrdrDtls>\n")]
    yield text[:start].encode()
    for number in range(orders):
        yield order.replace("SUB-0001", f"SUB-{number:07}").encode()
    yield text[end:].encode()


def peak_of(orders: int) -> int:
    tracemalloc.start()
    count = sum(isinstance(entry, OrderInstruction) for entry in read_messages(many(orders)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == orders
    return peak


def test_o1_a_message_of_many_orders_is_read_with_flat_memory() -> None:
    peak_of(10)
    few, more = peak_of(100), peak_of(1_500)
    # What grows is one reference an order, kept to name a repeated one.
    assert more - few < 1_400 * 300
