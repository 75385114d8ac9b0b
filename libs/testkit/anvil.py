"""A bare anvil for tests of the contract and its clients: in memory, mining at once, gone with the test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHAIN_ID = 20261
BLOCK_GAS_LIMIT = 64_000_000
_PROBE = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'


def node_modules() -> Path:
    """Where the npm parts are: CARTULARY_NODE_MODULES, else the folder that scripts/setup fills."""
    return Path(os.environ.get("CARTULARY_NODE_MODULES") or ROOT / "node_modules")


def anvil_binary() -> str:
    """The anvil to start: CARTULARY_ANVIL, else npm's, else the path's; raises FileNotFoundError."""
    if given := os.environ.get("CARTULARY_ANVIL"):
        return given
    for found in sorted((node_modules() / "@foundry-rs").glob("anvil-*/bin/anvil")):
        return str(found)
    on_path = shutil.which("anvil")
    if on_path is None:
        raise FileNotFoundError("there is no anvil; run scripts/setup, or name one in CARTULARY_ANVIL")
    return on_path


@contextmanager
def anvil(*, base_fee: int = 0, timeout_s: float = 20.0) -> Iterator[str]:
    """The RPC address of an anvil that answers; it is ended on the way out. `base_fee` is in wei."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    fees = ("--gas-price", str(base_fee), "--block-base-fee-per-gas", str(base_fee))
    limits = ("--gas-limit", str(BLOCK_GAS_LIMIT), "--chain-id", str(CHAIN_ID), "--no-request-size-limit")
    command = (anvil_binary(), "--quiet", "--hardfork", "london", "--port", str(port), *fees, *limits)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    try:
        _await_answer(process, url, timeout_s)
        yield url
    finally:
        process.kill()
        process.communicate()


def _await_answer(process: subprocess.Popen[bytes], url: str, timeout_s: float) -> None:
    request = urllib.request.Request(url, _PROBE, {"Content-Type": "application/json"})
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            urllib.request.urlopen(request, timeout=timeout_s).close()
            return
        except urllib.error.URLError as error:
            if process.poll() is not None:
                _, words = process.communicate()
                raise RuntimeError(f"anvil ended at once: {words.decode(errors='replace')}") from error
            if time.monotonic() > deadline:
                raise TimeoutError(f"anvil does not answer within {timeout_s:g} s") from error
        time.sleep(0.02)
