"""The local stack in the background: `python -m libs.stack`, which `cartulary up --detach` and the tests
start."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from libs.stack.local import AlreadyUp, LocalStack
from libs.stack.part import PartFailed
from libs.stack.places import PartMissing, default_home


def say(part: str, what: str, address: str, seconds: float) -> None:
    """One tab-separated line a step, without passwords: whoever started us reads it."""
    print(part, what, address.rpartition("@")[2], f"{seconds:.1f}", sep="\t", flush=True)


async def run(options: argparse.Namespace) -> int:
    """Brings the stack up and keeps it so until a signal, or until the process `--with-pid` is gone."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    stack = LocalStack(options.home, options.block_time, options.empty_block_time, options.faults, say)
    try:
        await stack.up()
    except (AlreadyUp, PartFailed, PartMissing) as failure:
        print("stack", "failed", failure, 0, sep="\t", flush=True)
        return 1
    print("stack", "ready", options.home, 0, sep="\t", flush=True)
    while not ended.is_set() and not _is_orphan(options.with_pid):
        try:
            await asyncio.wait_for(ended.wait(), 1.0)
        except TimeoutError:
            continue
    await stack.stop()
    return 0


def _is_orphan(parent: int | None) -> bool:
    return parent is not None and os.getppid() != parent


def main() -> int:
    """Parses the command line and runs."""
    parser = argparse.ArgumentParser(prog="python -m libs.stack", description=__doc__)
    parser.add_argument("--home", type=Path, default=default_home())
    parser.add_argument("--block-time", type=float, default=1.0, help="seconds between blocks")
    parser.add_argument("--empty-block-time", type=float, default=5.0, help="of empty blocks; 0: none")
    parser.add_argument("--faults", action="store_true", help="the ledger answers gate_fault")
    parser.add_argument("--with-pid", type=int, help="end when this process, our parent, is gone")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
