"""Serving: services found by folder, one process for several, and a stop that loses nothing in flight."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.edge.component import Component, ServiceParts
from libs.edge.serve import Process, listen
from libs.edge.settings import Settings, SettingsInvalid
from libs.edge.tests.sample import ManualClock, Sample, until

ROOT = Path(__file__).resolve().parents[3]

APP = """
    import asyncio
    from pathlib import Path

    from fastapi import APIRouter
    from libs.adapters.clock import SystemClock
    from libs.edge.app import create_app
    from libs.edge.component import Component, ServiceParts
    from libs.edge.guard import needs

    JOURNAL = Path("journal.txt")

    def write(line):
        with JOURNAL.open("a") as file:
            file.write(line + "\\n")

    async def relay():
        try:
            await asyncio.Event().wait()
        finally:
            write("relay ended")

    async def note(line):
        write(line)

    def service(settings):
        router = APIRouter()

        @router.get("/slow", dependencies=[needs("funds:read")])
        async def slow() -> str:
            write("request begun")
            await asyncio.sleep(0.7)
            write("request answered")
            return "done"

        return ServiceParts(
            "notes", create_app("notes", settings, SystemClock(), routers=[router]),
            [Component("relay", relay, ("relay",), lambda: note("relay drained"))],
            open=lambda: note("opened"), close=lambda: note("closed"),
        )
"""


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`cartulary serve notes` in a folder with a service of that name; the process and its address."""
    notes = folder / "services" / "notes"
    notes.mkdir(parents=True)
    (folder / "services" / "__init__.py").touch()
    (notes / "__init__.py").touch()
    (notes / "app.py").write_text(textwrap.dedent(APP))
    env = {**os.environ, "CARTULARY_HOME": str(folder / "home"), "PYTHONPATH": f"{folder}:{ROOT}"}
    command = [sys.executable, "-c", "from libs.cli.main import app; app()", "serve", *arguments, "--port", "0"]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip().rpartition(" ")[2]
    finally:
        process.kill()
        process.communicate()


def token(folder: Path) -> str:
    env = {**os.environ, "CARTULARY_HOME": str(folder / "home")}
    command = [sys.executable, "-c", "from libs.cli.main import app; app()", "token"]
    asked = ["--sub", "u-1", "--role", "operations", "--tenant", "acme"]
    return subprocess.run([*command, *asked], env=env, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def wait_for(process: subprocess.Popen[str], path: Path, line: str) -> None:
    """Until the line stands in the file, or the process that writes it has ended."""
    pause = threading.Event()
    while not path.exists() or line not in path.read_text():
        assert process.poll() is None, process.communicate()
        pause.wait(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_in_flight_then_drains_then_closes(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTULARY_TRACES", "console")
    headers = {"Authorization": f"Bearer {token(tmp_path).strip()}"}
    journal = tmp_path / "journal.txt"
    with served(tmp_path, "notes") as (process, address):
        assert httpx.get(address + "/health/live").status_code == 200
        wait_for(process, journal, "opened")
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(httpx.get(address + "/notes/slow", headers=headers)))
        asking.start()
        wait_for(process, journal, "request begun")
        process.send_signal(number)
        asking.join()
        assert (answers[0].status_code, answers[0].json()) == (200, "done")
        shown, log = process.communicate(timeout=20)
    assert process.returncode == 0
    assert '"http.route": "/slow"' in shown
    order = ["opened", "request begun", "request answered", "relay drained", "relay ended", "closed"]
    assert journal.read_text().splitlines() == order
    lines = [json.loads(line) for line in log.splitlines()]
    assert "process_stopped" in {line["event"] for line in lines}


def test_a_process_without_the_api_role_serves_health_only(tmp_path: Path) -> None:
    with served(tmp_path, "notes", "--only", "relay") as (process, address):
        wait_for(process, tmp_path / "journal.txt", "opened")
        assert httpx.get(address + "/notes/slow").status_code == 404
        ready = httpx.get(address + "/health/ready").json()
    assert [check["name"] for check in ready["checks"]] == ["notes open", "component notes.relay"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["books"], "there is no service 'books'; there are: notes, all"),
        (["notes", "--only", "bake"], "no part of these services has the role bake"),
        (["notes", "--instance", "a b"], "CARTULARY_INSTANCE='a b'"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    with served(tmp_path, *arguments) as (process, _):
        _, error = process.communicate(timeout=20)
    assert process.returncode == 2
    assert words in error
    assert "Traceback" not in error


def test_an_address_that_is_taken_is_said_with_the_address() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(SettingsInvalid, match=r"cannot listen on 127\.0\.0\.1:"):
        listen("127.0.0.1", taken.getsockname()[1])


async def test_until_a_service_is_open_its_api_is_503_and_health_says_why(tmp_path: Path) -> None:
    """An open that fails is tried again; nothing of the service runs before."""
    sample, clock = Sample(tmp_path), ManualClock()
    journal: list[str] = []
    failures = [OSError(111, "refused"), OSError(111, "refused")]

    async def connect() -> None:
        if failures:
            raise failures.pop()
        journal.append("opened")

    async def run() -> None:
        journal.append("running")
        await asyncio.Event().wait()

    parts = ServiceParts("notes", sample.app, [Component("relay", run, ("relay",))], open=connect)
    process = Process([parts], Settings(home=tmp_path).having(roles="api,relay"), clock)
    transport = httpx.ASGITransport(app=process.app)
    addresses: list[str] = []
    running = asyncio.create_task(process.run(listen("127.0.0.1", 0), addresses.append))
    await until(lambda: clock.slept == [0.1])
    async with httpx.AsyncClient(transport=transport, base_url="http://all", headers=sample.bearer()) as client:
        early = await client.get("/notes/notes")
        assert (early.status_code, early.json()["type"]) == (503, "urn:cartulary:problem:not-ready")
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["checks"][0]["detail"]) == (503, "ConnectionRefusedError(111)")
        await clock.move(1)
        await clock.move(1)
        await until(lambda: journal == ["opened", "running"])
        assert (await client.get("/notes/notes")).status_code == 200
        assert (await client.get("/nothing")).json()["type"] == "urn:cartulary:problem:unknown-route"
        headers = {"Idempotency-Key": "k", "Prefer": "respond-async"}
        sample.gateway.commits_at_once = False
        made = await client.post("/notes/notes", json={"title": "a", "amount": "1"}, headers=headers)
        assert made.headers["location"].startswith("/notes/commands/")
        assert (await client.get(made.headers["location"])).status_code == 200
        assert (await client.get("/notes/openapi.json")).json()["servers"] == [{"url": "/notes"}]
    process.stop()
    await running


async def test_a_second_stop_ends_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        await asyncio.Event().wait()

    async def drain() -> None:
        await asyncio.Event().wait()

    parts = ServiceParts("notes", None, [Component("relay", run, ("relay",), drain)])
    process = Process([parts], Settings(home=tmp_path).having(roles="relay"), ManualClock())
    running: asyncio.Task[Any] = asyncio.create_task(process.run(listen("127.0.0.1", 0)))
    await until(lambda: process.kept["notes"][0].running)
    process.stop()
    process.stop()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_importing_the_edge_imports_nothing_heavy() -> None:
    """B9: what only some processes need is imported by those that need it."""
    code = (
        "import sys; import libs.edge.app, libs.edge.serve, libs.edge.changes;"
        "print({'aiohttp', 'eth_account', 'opentelemetry.sdk', 'uvicorn', 'web3'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
