"""Apache Kafka: one KRaft node (broker and controller) on loopback, small heap, retention unlimited (W-9)."""

import base64
import logging
import signal
import uuid
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from libs.stack.part import Launch, run_once
from libs.stack.places import Ports, find_java, find_kafka_jars

MAX_MESSAGE_BYTES = 8 << 20
_LOG_CONFIG = Path(__file__).with_name("log4j2.properties")
_JVM = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4", "-Xshare:auto"]

_SETTINGS = f"""\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
auto.create.topics.enable=false
num.partitions=4
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.retention.ms=-1
log.retention.bytes=-1
log.segment.delete.delay.ms=1000
log.cleaner.dedupe.buffer.size=16777216
message.max.bytes={MAX_MESSAGE_BYTES}
replica.fetch.max.bytes={MAX_MESSAGE_BYTES}
fetch.max.bytes={4 * MAX_MESSAGE_BYTES}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=250
controlled.shutdown.enable=false
"""


async def kafka_answers(bootstrap: str) -> bool:
    """Whether a metadata request is answered with a controller."""
    # Its own log of every refused connection would be noise while a node starts.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        await admin.start()
        await admin.list_topics()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()
    return any(broker["node_id"] == cluster["controller_id"] for broker in cluster["brokers"])


class Kafka:
    """The node of one state directory."""

    name = "kafka"
    stop_signal = signal.SIGTERM
    ready_within_s = 60.0

    def __init__(self, home: Path, ports: Ports) -> None:
        self._folder = home / "kafka"
        self._port = ports.port("kafka")
        self._controller_port = ports.port("kafka_controller")
        self.log = home / "log" / "kafka.log"

    @property
    def address(self) -> str:
        """Bootstrap server."""
        return f"127.0.0.1:{self._port}"

    async def prepare(self) -> Launch:
        """Writes the configuration; formats the storage once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = self._folder / "server.properties"
        settings.write_text(
            f"{_SETTINGS}log.dirs={self._folder / 'data'}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller_port}\n"
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self._port}\n"
            f"controller.quorum.voters=1@127.0.0.1:{self._controller_port}\n"
        )
        java = [str(find_java()), *_JVM, f"-Dlog4j2.configurationFile={_LOG_CONFIG}"]
        java += ["-cp", f"{find_kafka_jars()}/*"]
        if not (self._folder / "data" / "meta.properties").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").lstrip("-")
            formatting = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
            await run_once(Launch([*java, *formatting, "--ignore-formatted"]), self.log)
        return Launch([*java, "kafka.Kafka", str(settings)])

    async def is_ready(self) -> bool:
        """Whether it answers a metadata request."""
        return await kafka_answers(self.address)
