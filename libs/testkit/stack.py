"""The one fixture that decides what integration tests run on: containers, or the local stack.

`stack` is started once a session and ended with it. Each test makes its own databases, topics and contracts
on it; nothing is reset in between. Tests that kill parts start a `LocalStack` of their own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from libs.stack.addresses import VARIABLES, Addresses
from libs.stack.clickhouse import clickhouse_dsn
from libs.stack.gate import CHAIN_ID, GAS_LIMIT
from libs.stack.kafka.node import MAX_MESSAGE_BYTES
from libs.stack.local import LocalStack
from libs.stack.places import CHECKOUT

BLOCK_TIME_S = 0.2
_POSTGRES_IMAGE = "postgres:18-alpine"
_KAFKA_IMAGE = "confluentinc/cp-kafka:7.6.0"
_ANVIL_IMAGE = "ghcr.io/foundry-rs/foundry:v1.7.1"
_KAFKA_SETTINGS = {
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_LOG_RETENTION_MS": "-1",
    "KAFKA_MESSAGE_MAX_BYTES": str(MAX_MESSAGE_BYTES),
    "KAFKA_REPLICA_FETCH_MAX_BYTES": str(MAX_MESSAGE_BYTES),
}
_STOP_WITHIN_S = 60


class StackFailed(Exception):
    """The parts that the integration tests need could not be started."""


def has_engine() -> bool:
    """Whether a Docker engine answers."""
    if os.environ.get("CARTULARY_TEST_STACK"):
        return os.environ["CARTULARY_TEST_STACK"] == "containers"
    if shutil.which("docker") is None:
        return False
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


@contextmanager
def local_stack(home: Path, *, block_time_s: float = BLOCK_TIME_S, faults: bool = True) -> Iterator[Addresses]:
    """A local stack in a process of its own, which ends with the block and also when this process is
    killed."""
    command = [sys.executable, "-m", "libs.stack", "--home", str(home), "--block-time", str(block_time_s)]
    command += ["--empty-block-time", str(max(block_time_s, 1.0)), "--with-pid", str(os.getpid())]
    command += ["--faults"] if faults else []
    with (home / "up.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=CHECKOUT)
        try:
            yield _addresses_when_ready(process, home)
        finally:
            process.terminate()
            process.communicate(timeout=_STOP_WITHIN_S)


def _addresses_when_ready(process: subprocess.Popen[str], home: Path) -> Addresses:
    if process.stdout is None:
        raise StackFailed("the stack has no output")
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("stack\tready"):
            return LocalStack(home).addresses()
    raise StackFailed("".join([*said, (home / "up.log").read_text()]))


@contextmanager
def containers(home: Path) -> Iterator[Addresses]:
    """The same parts as containers; ClickHouse stays in process, as everywhere."""
    from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415  (only where an engine answers)
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415

    kafka = KafkaContainer(_KAFKA_IMAGE).with_kraft()
    for name, value in _KAFKA_SETTINGS.items():
        kafka.with_env(name, value)
    node = DockerContainer(_ANVIL_IMAGE).with_kwargs(entrypoint="anvil").with_exposed_ports(8545)
    node.with_command(
        f"--host 0.0.0.0 --hardfork london --mixed-mining --block-time 1 --chain-id {CHAIN_ID}"
        f" --gas-limit {GAS_LIMIT} --gas-price 0 --block-base-fee-per-gas 0 --no-request-size-limit"
    ).waiting_for(LogMessageWaitStrategy("Listening on"))
    with ExitStack() as running:
        postgres = running.enter_context(PostgresContainer(_POSTGRES_IMAGE))
        running.enter_context(kafka)
        running.enter_context(node)
        yield Addresses(
            home,
            postgres=postgres.get_connection_url(driver=None),
            kafka=kafka.get_bootstrap_server(),
            ledger=f"http://{node.get_container_host_ip()}:{node.get_exposed_port(8545)}",
            clickhouse=clickhouse_dsn(home),
        )


@pytest.fixture(scope="session")
def stack() -> Generator[Addresses]:
    """Addresses of real parts: what the environment gives, else containers, else the local stack."""
    with tempfile.TemporaryDirectory(prefix="cartulary-test-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o711)
        given = Addresses.given(home)
        if all(given.of(part) for part in VARIABLES):
            yield given
            return
        with containers(home) if has_engine() else local_stack(home) as addresses:
            yield addresses
