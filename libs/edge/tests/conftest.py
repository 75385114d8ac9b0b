"""Fixtures of the edge's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from libs.edge.tests.sample import Sample


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("CARTULARY_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path)


@pytest.fixture
async def client(sample: Sample) -> AsyncIterator[httpx.AsyncClient]:
    async with sample.client() as client:
        yield client
