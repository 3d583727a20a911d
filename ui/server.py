"""The chat server: the page, the API, health checks and metrics, behind access control.

Importing this module does not load the web framework.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import Assistant, Observer, Settings, SettingsError

from .api import api_routes, open_queue
from .api.mcp import mcp_routes
from .chat.library import LARGEST_FILE
from .chat.page import build_app, load_gradio
from .chat.services import Services
from .chat.uploads import sweeping, upload_route, use_folder
from .i18n.translate import CHINESE
from .monitoring.health import Health, health_routes
from .monitoring.masked_log import mask_logs
from .monitoring.metrics import Metrics, RequestCounter
from .persistence.uploads import UploadFolder, open_uploads
from .security.access import AccessPolicy, access_policy, real_peer_addresses, unrestricted
from .security.audit_log import AuditMiddleware
from .security.clients import is_loopback
from .security.login import Login
from .security.middleware import AccessControl
from .security.rate_limits import QUEUE_SIZE
from .security.request_guard import RequestGuard
from .security.session_isolation import PageIsolation
from .templating import asset

if TYPE_CHECKING:
    import gradio as gr
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from .security.http_protocol import HeadLimits

__all__ = ["DEFAULT_PORT", "ServedChat", "build_app", "launch_app", "serve", "start_chat"]

logger = logging.getLogger(__name__)

DEFAULT_PORT = 7860
_PORTS_TRIED = 100

DRAIN_TIMEOUT = 15.0
"""Maximum time that the server waits for running answers after SIGTERM, in seconds."""


@dataclass(frozen=True)
class ServedChat:
    """A running chat server at `url`."""

    url: str
    port: int
    app: gr.Blocks
    opened: ExitStack = field(default_factory=ExitStack, repr=False)
    """What is closed together with the server."""

    def wait(self) -> None:
        """Serve until Ctrl-C or SIGTERM; after SIGTERM, running answers have `DRAIN_TIMEOUT` seconds to finish."""
        terminated = threading.Event()
        before = signal.signal(signal.SIGTERM, lambda *_: terminated.set())
        try:
            terminated.wait()
            # Each open page has a response that never ends, which shows that the page is still open.
            server: Any = self.app.server
            server.should_exit = True
            server.thread.join(DRAIN_TIMEOUT)
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, before)
            self.close()

    def close(self) -> None:
        """Stop serving, free the port, and delete the temporary files of uploads."""
        try:
            self.app.close(verbose=False)
        finally:
            self.opened.close()


def serve(assistant: Assistant, *, port: int = DEFAULT_PORT, **options: Any) -> None:
    """Print the chat's URL and serve it until Ctrl-C or SIGTERM. Call this function in the main thread.

    `options` are passed to `start_chat`.
    """
    chat = start_chat(assistant, port=port, **options)
    port_note = f"Port {port} is taken. " if port not in (0, chat.port) else ""
    sys.stderr.write(f"{port_note}The chat is at {chat.url} (Ctrl-C stops it)\n")
    chat.wait()


def start_chat(
    assistant: Assistant,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    open_browser: bool = False,
    services: Services | None = None,
    settings: Settings | None = None,
    open_to_all: bool = False,
) -> ServedChat:
    """Start serving the chat, and load the model in the background.

    The settings determine who may use the chat. Without access settings, keys or users, only this machine may use it,
    unless `open_to_all` is set. Raises `SettingsError` for invalid settings, if other machines could use the chat
    without access control, or if no port is free; raises `PersistenceError` if keys and users cannot be read.
    """
    mask_logs()
    policy = access_policy(settings, open_to_all=open_to_all) if settings else None
    is_enforced = policy is not None and policy.is_enforced(policy.accounts.read())
    is_restricted = is_enforced or is_loopback(host)
    if not is_restricted and not open_to_all:
        raise unrestricted(host)
    services = services or Services()
    services.ready.clear()
    metrics, health, queue = Metrics(version("citechat")), Health(assistant, services.ready), open_queue()
    app = build_app(_observed(assistant, metrics.observer("page")), services)
    metrics.watch_waiting("page", lambda: len(app._queue))
    metrics.watch_waiting("api", queue.waiting)
    observed = _observed(assistant, metrics.observer("api"))
    routes = api_routes(observed, services, queue=queue, writable=is_restricted, evaluate=services.evaluate)
    routes += [*health_routes(health), *metrics.routes(health)]
    if settings and settings.mcp:
        routes += mcp_routes(_observed(assistant, metrics.observer("mcp")), queue)
    chat = launch_app(
        app,
        host=host,
        port=port,
        open_browser=open_browser,
        allowed_hosts=settings.hosts if settings else (),
        routes=routes,
        policy=policy,
        metrics=metrics,
        home=settings.home if settings else None,
    )
    threading.Thread(target=_warm_up, args=(assistant, services.ready), name="warm-up", daemon=True).start()
    return chat


def launch_app(
    app: gr.Blocks,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    open_browser: bool = False,
    allowed_hosts: Sequence[str] = (),
    routes: Sequence[BaseRoute] = (),
    policy: AccessPolicy | None = None,
    metrics: Metrics | None = None,
    home: Path | None = None,
    head_limits: HeadLimits | None = None,
) -> ServedChat:
    """Serve a page in a thread at `port` or, if that is in use, at the next free port; with 0, at any free port.

    `allowed_hosts` are additional host names, such as a proxy's; IP addresses are always allowed. `routes` take
    precedence over the page, `policy` applies to both, and `metrics` counts requests. Uploads are temporarily stored in
    `home`, and `head_limits` limit request heads. Raises `SettingsError` if no port is free.
    """
    gr = load_gradio()
    from fastapi.exceptions import RequestValidationError
    from starlette.middleware import Middleware

    opened = ExitStack()
    uploads = opened.enter_context(open_uploads(home))
    use_folder(app, uploads)
    login = _login(policy)
    middleware = [] if policy is None else [Middleware(AccessControl, policy=policy, login=login)]
    middleware.append(Middleware(PageIsolation, is_upload=uploads.contains))
    options: dict[str, Any] = {
        "server_name": host,
        "inbrowser": open_browser,
        "prevent_thread_lock": True,
        "quiet": True,
        "theme": _theme(gr),
        # The framework rewrites its `css` option and breaks media queries; it does not change a <style> element.
        "head": f"<style>{asset('chat', 'chat.css')}</style>",
        "js": asset("chat", "chat.js"),
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "max_file_size": LARGEST_FILE,
        "i18n": gr.I18n(**dict.fromkeys(("zh", "zh-CN", "zh-TW", "zh-HK"), CHINESE)),
        "share": False,
        "state_session_capacity": 10_000,  # sessions kept in memory; each user has a limit, too
        "_frontend": False,  # else the framework gives up if its own request for the page takes three seconds
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "app_kwargs": {
            "openapi_url": None,
            "middleware": middleware,
            "routes": [*routes, upload_route(uploads)],
            "exception_handlers": {RequestValidationError: _invalid_request},
            "lifespan": _lifespan((host, *allowed_hosts), policy, metrics, uploads),
        },
    }
    # Access control provides each user's name to the framework.
    if login is not None:
        options["auth"] = login.may_log_in
    elif policy is not None and policy.user_header and not policy.open_to_all:
        options["auth_dependency"] = lambda request: request.scope["state"].get("user")
    app.queue(max_size=QUEUE_SIZE, default_concurrency_limit=4)
    try:
        launched = _launch(app, host, port, policy=policy, head_limits=head_limits, options=options)
    except BaseException:
        opened.close()
        raise
    shown_host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    return ServedChat(url=f"http://{shown_host}:{launched}/", port=launched, app=app, opened=opened)


def _launch(
    app: gr.Blocks,
    host: str,
    port: int,
    *,
    policy: AccessPolicy | None,
    head_limits: HeadLimits | None,
    options: dict[str, Any],
) -> int:
    """Launch a page at the first free port and return it, with the protection that the web server does not have."""
    from .security.http_protocol import HeadLimits, limited_heads

    for candidate in _free_ports(host, port):
        try:
            with (
                real_peer_addresses() if policy is not None else nullcontext(),
                limited_heads(head_limits or HeadLimits(), policy.proxies if policy else None) as protocol,
            ):
                app.launch(server_port=candidate, **options)
        except OSError:
            continue  # another program took the port in the meantime
        has_guard = isinstance(app.app.middleware_stack, RequestGuard | AuditMiddleware | RequestCounter)
        if not has_guard or app.server.config.http_protocol_class is not protocol:
            app.close(verbose=False)
            raise RuntimeError("The web framework has not installed the request guard and the limits on heads.")
        return candidate
    raise SettingsError(
        f"Cannot listen at {host!r}: no port from {port} to {port + _PORTS_TRIED - 1} is free.",
        "Choose another port with --port (1 to 65535), or an address of this machine with --host.",
    )


def _lifespan(
    hosts: Sequence[str], policy: AccessPolicy | None, metrics: Metrics | None, uploads: UploadFolder
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return a lifespan that deletes abandoned uploads and installs the guard, the audit log and the request counter.

    They wrap the middleware that the framework always adds for error pages and CORS headers.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        stack: Any = app.middleware_stack and RequestGuard(app.middleware_stack, hosts=hosts)
        audit = AuditMiddleware(stack, log=policy.audit_log) if stack and policy and policy.audit_log else None
        stack = audit or stack
        app.middleware_stack = RequestCounter(stack, metrics=metrics) if stack and metrics else stack
        async with sweeping(uploads):
            try:
                yield
            finally:
                if audit:
                    audit.write_summary()

    return lifespan


def _invalid_request(_: Request, __: Exception) -> Response:
    """Return the response for a request with invalid fields.

    The framework's own response contains their values, and cannot be written if one of them has no form in JSON.
    """
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("Invalid request: a field is missing or has the wrong type. Reload the page.", 422)


def _observed(assistant: Assistant, observer: Observer) -> Assistant:
    """Return the assistant with an observer for its questions; return objects of any other class unchanged."""
    return replace(assistant, observer=observer) if isinstance(assistant, Assistant) else assistant


def _login(policy: AccessPolicy | None) -> Login | None:
    """Return the page's login if users exist and no proxy logs them in, else None."""
    if policy is None or policy.open_to_all or policy.user_header or not policy.accounts.read().users:
        return None
    return Login(policy.accounts.users)


def _warm_up(assistant: Assistant, ready: threading.Event) -> None:
    try:
        assistant.warm_up()
    except Exception as error:
        # The first question will raise the same error and show it.
        logger.warning("Cannot load the model ahead of time: %r", error)
    ready.set()


def _free_ports(host: str, port: int) -> Iterator[int]:
    """Yield the free ports from `port` upwards; for 0, one port that the system chooses."""
    for candidate in range(port, min(port + _PORTS_TRIED, 65536)) if port else (0,):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            free = int(probe.getsockname()[1])
        yield free


def _theme(gr: Any) -> Any:
    """Return a theme with system fonts and greys; all other styles are in `chat.css`."""
    return gr.themes.Base(
        primary_hue="stone",
        secondary_hue="stone",
        neutral_hue="stone",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
