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


def many(messages: int) -> Iterator[bytes]:
    """A file of many messages of four orders, made while it is read."""
    document = MESSAGE.read_text().partition("?>")[2]
    yield b'<Xchg xmlns="urn:iso:std:iso:20022:tech:xsd:head.002.001.01">'
    for number in range(messages):
        yield f"<Pyld>{document.replace('MSG-SETR010-1', f'MSG-{number}')}</Pyld>".encode()
    yield b"</Xchg>"


def peak_of(messages: int) -> int:
    tracemalloc.start()
    count = sum(isinstance(entry, OrderInstruction) for entry in read_messages(many(messages)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 4 * messages
    return peak


def test_o1_a_file_of_many_messages_is_read_with_flat_memory() -> None:
    peak_of(10)
    few, more = peak_of(20), peak_of(400)
    assert more - few < 50_000
