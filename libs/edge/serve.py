"""One process of the fleet: HTTP and background components of its services in one loop, with a graceful stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import importlib
import importlib.util
import pkgutil
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.edge.app import bare_app
from libs.edge.component import FIRST_BACKOFF_S, MAX_BACKOFF_S, Kept, ServiceParts, stop_in_order
from libs.edge.guard import guarded
from libs.edge.health import Check, Health, State, health_routes
from libs.edge.logging import configure_logging, described
from libs.edge.problems import problem_response
from libs.edge.settings import Settings, SettingsInvalid
from libs.edge.telemetry import configure_telemetry
from libs.kernel.errors import NotReady
from libs.ports import Clock

log = structlog.get_logger(__name__)

ALL = "all"


def services() -> list[str]:
    """Names of the services: folders of `services` with an `app.py`; adding a service is adding a folder."""
    package = importlib.import_module("services")
    found = (module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg)
    return sorted(name for name in found if importlib.util.find_spec(f"services.{name}.app"))


def parts_of(names: Sequence[str], settings: Settings) -> list[ServiceParts]:
    """The parts of the named services (`all`: of every one); raises SettingsInvalid for an unknown name."""
    known = services()
    wanted = known if ALL in names else list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            choices = ", ".join([*known, ALL])
            raise SettingsInvalid(f"there is no service {name!r}; there are: {choices}", field="service", value=name)
    return [importlib.import_module(f"services.{name}.app").service(settings) for name in wanted]


class Fleet:
    """ASGI: each service's API under `/<service>` once it is open, the process's health and metrics at the root."""

    def __init__(self, apis: Mapping[str, ASGIApp], root: ASGIApp, is_open: Callable[[str], bool]) -> None:
        self._apis, self._root, self._is_open = apis, root, is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the service that its first path segment names."""
        name = scope.get("path", "").partition("/")[2].partition("/")[0]
        api = self._apis.get(name)
        if api is None:
            await self._root(scope, receive, send)
        elif self._is_open(name):
            await api({**scope, "root_path": f"{scope.get('root_path', '')}/{name}"}, receive, send)
        else:
            problem = NotReady(f"{name} is starting; /health/ready says why").as_problem()
            await problem_response(problem, Request(scope))(scope, receive, send)


class Process:
    """The services of one process, from their opening to their closing."""

    def __init__(self, parts: Sequence[ServiceParts], settings: Settings, clock: Clock) -> None:
        self._parts, self._settings, self._clock = parts, settings, clock
        unknown = set(settings.roles) - {"api", *(role for part in parts for c in part.components for role in c.roles)}
        if unknown:
            raise SettingsInvalid(f"no part of these services has the role {', '.join(sorted(unknown))}")
        self.kept = {
            part.name: [
                Kept(f"{part.name}.{component.name}", component, clock)
                for component in part.components
                if settings.plays(*component.roles)
            ]
            for part in parts
        }
        self._opening = {part.name: "connecting" for part in parts}
        self._opened: list[ServiceParts] = []
        self._stopping = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._ends_at = 0.0
        self.app = self._compose()

    def _compose(self) -> Fleet:
        health = Health("cartulary", self._clock)
        for part in self._parts:
            health.add([self._open_check(part.name), *(one.check() for one in self.kept[part.name])])
            health.add(Check(f"{part.name} {check.name}", check.probe) for check in part.checks)
        root = bare_app("cartulary", self._settings)
        root.include_router(health_routes(health))
        serves = self._settings.plays("api")
        apis = {part.name: part.api for part in self._parts if part.api is not None and serves}
        for api in apis.values():
            # Once more, for routes that came after `create_app`.
            guarded(api)
        return Fleet(apis, root, lambda name: name not in self._opening)

    def _open_check(self, name: str) -> Check:
        async def state() -> State:
            return State("failing", self._opening[name]) if name in self._opening else State()

        return Check(f"{name} open", state)

    def stop(self) -> None:
        """Begin the graceful stop; a second time ends at once whatever is still being waited for."""
        if self._stopping.is_set() and self._main is not None:
            log.warning("stop_forced")
            self._ends_at = self._clock.monotonic()
            self._main.cancel()
        else:
            self._ends_at = self._clock.monotonic() + self._settings.stop_timeout_s
        self._stopping.set()

    async def run(self, listening: socket.socket, ready: Callable[[str], None] | None = None) -> None:
        """Serve until `stop`, then: no new requests, finish those in flight, drain, close.

        `ready` gets the address as soon as requests are taken; `/health/ready` tells when they are served.
        """
        self._main = asyncio.current_task()
        server = _server(self.app, self._settings)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        bringing_up = [asyncio.create_task(self._bring_up(part)) for part in self._parts]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            host, port = listening.getsockname()[:2]
            log.info("process_serving", address=f"{host}:{port}", roles=list(self._settings.roles) or "all")
            if ready is not None:
                ready(f"http://{host}:{port}")
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            log.info("process_stopping")
            server.should_exit = True
            await serving
        finally:
            for task in (serving, stopping, *bringing_up):
                task.cancel()
            await asyncio.gather(serving, stopping, *bringing_up, return_exceptions=True)
            await self._end()
            listening.close()

    async def _bring_up(self, part: ServiceParts) -> None:
        """Open the service, again and again while it fails, then start what it runs."""
        backoff_s = FIRST_BACKOFF_S
        while part.name in self._opening:
            try:
                await part.open()
            except Exception as error:
                self._opening[part.name] = described(error)
                log.exception("service_not_open", service=part.name, backoff_ms=round(backoff_s * 1000))
                await self._clock.sleep(backoff_s)
                backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)
            else:
                self._opened.append(part)
                del self._opening[part.name]
        for one in self.kept[part.name]:
            one.start()
        log.info("service_open", service=part.name, components=[one.label for one in self.kept[part.name]])

    async def _end(self) -> None:
        kept = [one for part in self._opened for one in self.kept[part.name]]
        await stop_in_order(kept, self._ends_at, self._clock)
        for part in reversed(self._opened):
            try:
                await part.close()
            except Exception:
                log.exception("service_not_closed", service=part.name)
        log.info("process_stopped")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises SettingsInvalid when the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "error")
        raise SettingsInvalid(f"cannot listen on {host}:{port} ({reason})", field="port", value=port) from error


def serve(names: Sequence[str], settings: Settings, clock: Clock, ready: Callable[[str], None] | None = None) -> None:
    """Run the named services until SIGTERM or SIGINT; `ready` gets the address when requests are taken.

    Raises SettingsInvalid for an unknown service or role, or an address that is taken.
    """
    label = names[0] if len(names) == 1 and names[0] != ALL else "cartulary"
    configure_logging(label, settings.log_level, clock.now)
    end_traces = configure_telemetry(label, settings)

    async def main() -> None:
        collect_seldom()
        process = Process(parts_of(names, settings), settings, clock)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, process.stop)
        with contextlib.suppress(asyncio.CancelledError):
            await process.run(listen(settings.host, settings.port), ready)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(main())
    finally:
        end_traces()


def collect_seldom() -> None:
    """Make the cyclic collector look less often: by its own measure it walks every waiting command again and again.

    Almost nothing here is cyclic, so that little is left lying meanwhile; what is imported is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 (there is none for some platforms)
    except ImportError:
        return None
    return uvloop.new_event_loop


def _server(app: ASGIApp, settings: Settings) -> Any:
    # Imported by a process that serves, not by everything that imports a service.
    import uvicorn  # noqa: PLC0415

    class Quiet(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Signals are the process's: HTTP is only the first thing to stop."""
            yield

    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(settings.stop_timeout_s)),
    )  # fmt: skip
    return Quiet(config)
