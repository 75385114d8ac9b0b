"""ClickHouse in process: an address, no server. Only one process at a time can have it open."""

import asyncio
import sys
from pathlib import Path

from libs.stack.places import CHECKOUT


def clickhouse_dsn(home: Path) -> str:
    """The address for clickhouse-connect's synchronous client."""
    return f"chdb://{home.absolute() / 'clickhouse'}"


async def clickhouse_answers(dsn: str) -> bool:
    """Whether a query succeeds; asked from a process of its own, which gives the database free again."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libs.stack.clickhouse", dsn),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=CHECKOUT,
    )
    return await process.wait() == 0


def main(dsn: str) -> int:
    """The program `python -m libs.stack.clickhouse DSN`: exit code 0 when a query succeeds."""
    import clickhouse_connect  # noqa: PLC0415  (one of the heaviest imports of the house)

    client = clickhouse_connect.get_client(dsn=dsn)
    try:
        return 0 if client.command("SELECT 1") in (1, "1") else 1
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
