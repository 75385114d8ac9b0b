"""A bare anvil for tests of the contract and its clients: in memory, mining at once, gone with the test."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from libs.stack.places import CHECKOUT, find_anvil, free_port

CHAIN_ID = 20261
BLOCK_GAS_LIMIT = 64_000_000
_PROBE = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'


def node_modules() -> Path:
    """Where the npm parts are: CARTULARY_NODE_MODULES, else the folder that scripts/setup fills."""
    return Path(os.environ.get("CARTULARY_NODE_MODULES") or CHECKOUT / "node_modules")


@contextmanager
def anvil(*, base_fee: int = 0, timeout_s: float = 20.0) -> Iterator[str]:
    """The RPC address of an anvil that answers; it is ended on the way out. `base_fee` is in wei."""
    port = free_port()
    fees = ("--gas-price", str(base_fee), "--block-base-fee-per-gas", str(base_fee))
    limits = ("--gas-limit", str(BLOCK_GAS_LIMIT), "--chain-id", str(CHAIN_ID), "--no-request-size-limit")
    command = (str(find_anvil()), "--quiet", "--hardfork", "london", "--port", str(port), *fees, *limits)
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
