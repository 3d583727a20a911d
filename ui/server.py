"""The chat, served in a browser. The page is built by `build_app`; `launch_app` only serves it, closed by default.

Importing this module loads no web framework.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rag import Assistant, Observer, Settings, SettingsError

from .api import api_routes, open_queue
from .api.mcp import mcp_routes
from .chat.library import LARGEST_FILE
from .chat.page import build_app, load_gradio
from .chat.services import Services
from .i18n.translate import CHINESE
from .monitoring.health import Health, health_routes
from .monitoring.metrics import Metrics, RequestCounter
from .security.audit_log import AuditMiddleware
from .security.clients import is_loopback
from .security.config import AccessPolicy, access_policy, keep_peer_addresses, require_access_control
from .security.login import Login
from .security.middleware import AccessControl
from .security.request_guard import RequestGuard
from .templating import asset

if TYPE_CHECKING:
    import gradio as gr
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

__all__ = ["DEFAULT_PORT", "ServedChat", "build_app", "launch_app", "serve", "start_chat"]

logger = logging.getLogger(__name__)

DEFAULT_PORT = 7860
_PORTS_TRIED = 100

DRAIN = 15.0
"""Seconds that a chat which is told to end gives to the answers that are being given."""


@dataclass(frozen=True)
class ServedChat:
    """A chat that is being served at `url`."""

    url: str
    port: int
    app: gr.Blocks

    def wait(self) -> None:
        """Serve until Ctrl-C is pressed, or until SIGTERM comes: then answers that are being given are finished first,
        for `DRAIN` seconds at most."""
        told = threading.Event()
        before = signal.signal(signal.SIGTERM, lambda *_: told.set())
        try:
            told.wait()
            self._drain()
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, before)
            self.close()

    def _drain(self) -> None:
        """Accept no more, and wait until all replies are whole. That of an open page never is: it tells it is there."""
        server: Any = self.app.server
        server.should_exit = True
        server.thread.join(DRAIN)

    def close(self) -> None:
        """Stop serving and free the port."""
        self.app.close(verbose=False)


def serve(
    assistant: Assistant,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    open_browser: bool = False,
    services: Services | None = None,
    settings: Settings | None = None,
    open_to_all: bool = False,
) -> None:
    """Serve the chat until Ctrl-C or SIGTERM, and say where it is. To be called in the main thread."""
    chat = start_chat(
        assistant,
        host=host,
        port=port,
        open_browser=open_browser,
        services=services,
        settings=settings,
        open_to_all=open_to_all,
    )
    taken = f"Port {port} is taken. " if port not in (0, chat.port) else ""
    sys.stderr.write(f"{taken}The chat is at {chat.url} (Ctrl-C stops it)\n")
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
    """Build the chat, launch it, and load the model while the reader is still looking at the page.

    The settings say who may use it. Without them nobody is asked, and it is for this machine alone, unless it is
    `open_to_all`. Raises `SettingsError` and `AccessError`.
    """
    access = access_policy(settings, open_to_all=open_to_all) if settings else None
    if not open_to_all:
        require_access_control(host, access)
    is_asked_for = access is not None and access.is_on(access.register.read())
    services = services or Services()
    services.ready.clear()
    metrics, health, turns = Metrics(version("citechat")), Health(assistant, services.ready), open_queue()
    app = build_app(_counted(assistant, metrics.observer("page")), services)
    asked = _counted(assistant, metrics.observer("api"))
    metrics.watch_waiting("page", lambda: len(app._queue))
    metrics.watch_waiting("api", turns.waiting)
    may_write = is_asked_for or is_loopback(host)
    chat = launch_app(
        app,
        host=host,
        port=port,
        open_browser=open_browser,
        allowed_hosts=settings.hosts if settings else (),
        routes=[
            *api_routes(asked, services, turns=turns, writable=may_write, evaluate=services.evaluate),
            *health_routes(health),
            *metrics.routes(health),
            *(mcp_routes(_counted(assistant, metrics.observer("mcp")), turns) if settings and settings.mcp else ()),
        ],
        access=access,
        metrics=metrics,
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
    access: AccessPolicy | None = None,
    metrics: Metrics | None = None,
) -> ServedChat:
    """Serve the app in a thread at `port` or, when that is taken, at the next free one; 0 takes any.

    `allowed_hosts` are further names under which readers reach it, such as that of a proxy; addresses always work.
    `routes` are served beside the page and come before it; `access` says who may use both, and `metrics` counts
    requests. Raises `SettingsError` when no port is free.
    """
    gr = load_gradio()
    from starlette.middleware import Middleware

    login = _login(access)
    middleware = [] if access is None else [Middleware(AccessControl, access=access, login=login)]
    outermost = _outermost((host, *allowed_hosts), access, metrics)
    app.queue(max_size=32, default_concurrency_limit=4)
    for candidate in _free_ports(host, port):
        try:
            _launch(
                app,
                access,
                login,
                server_name=host,
                server_port=candidate,
                inbrowser=open_browser,
                prevent_thread_lock=True,
                quiet=True,
                theme=_theme(gr),
                # The framework rewrites what it is given as `css`, media queries differently; a <style> is left alone.
                head=f"<style>{asset('chat', 'chat.css')}</style>",
                js=asset("chat", "chat.js"),
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                show_error=False,
                max_file_size=LARGEST_FILE,
                i18n=gr.I18n(**dict.fromkeys(("zh", "zh-CN", "zh-TW", "zh-HK"), CHINESE)),
                share=False,
                ssr_mode=False,
                pwa=False,
                mcp_server=False,
                app_kwargs={
                    "openapi_url": None,
                    "middleware": middleware,
                    "routes": list(routes),
                    "lifespan": outermost,
                },
            )
        except OSError:
            continue  # another program took the port in between
        if not isinstance(app.app.middleware_stack, RequestGuard | AuditMiddleware | RequestCounter):
            app.close(verbose=False)
            raise RuntimeError(  # noqa: TRY004
                "the web framework has not put the guard outside all that it does"
            )
        shown_host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
        return ServedChat(url=f"http://{shown_host}:{candidate}/", port=candidate, app=app)
    raise SettingsError(
        f"the chat cannot listen at {host!r}: no port from {port} to {port + _PORTS_TRIED - 1} is free",
        "Choose another with --port (1 to 65535), or an address of this machine with --host.",
    )


def _outermost(
    hosts: Sequence[str], access: AccessPolicy | None, metrics: Metrics | None
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Puts the guard, the audit log and the counting outside of what the web framework puts outside of every middleware
    that it is given: its errors, and what lets pages of other sites read replies."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        guarded = app.middleware_stack and RequestGuard(app.middleware_stack, hosts=hosts)
        log = access and access.log
        logged = AuditMiddleware(guarded, log=log) if guarded and log else guarded
        app.middleware_stack = RequestCounter(logged, metrics=metrics) if logged and metrics else logged
        yield

    return lifespan


def _counted(assistant: Assistant, observer: Observer) -> Assistant:
    """The assistant, of whose questions the observer is told; one of another kind is not counted."""
    return replace(assistant, observer=observer) if isinstance(assistant, Assistant) else assistant


def _login(access: AccessPolicy | None) -> Login | None:
    """Where readers log in: there are users, and no proxy names who is logged in."""
    if access is None or access.open_to_all or access.user_header or not access.register.read().users:
        return None
    return Login(access.register.users)


def _launch(app: gr.Blocks, access: AccessPolicy | None, login: Login | None, **options: Any) -> None:
    """Launch the app so that the framework knows each reader by the name that access control found."""
    if login is not None:
        options["auth"] = login.may_log_in
    elif access is not None and access.user_header and not access.open_to_all:
        options["auth_dependency"] = lambda request: request.scope["state"].get("user")
    with keep_peer_addresses() if access is not None else nullcontext():
        app.launch(**options)


def _warm_up(assistant: Assistant, ready: threading.Event) -> None:
    try:
        assistant.warm_up()
    except Exception as error:
        # A question will meet the same error and show it.
        logger.warning("the model could not be loaded ahead of time: %r", error)
    ready.set()


def _free_ports(host: str, port: int) -> Iterator[int]:
    """The free ports from `port` on, lazily; for 0 any one."""
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
    """System fonts and quiet greys; the rest of the look is in `chat.css`."""
    return gr.themes.Base(
        primary_hue="stone",
        secondary_hue="stone",
        neutral_hue="stone",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
