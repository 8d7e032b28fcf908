"""The page is served to this machine alone, and what is in it goes nowhere else: the browser is told so.

Uploads pass through a folder of the server's own. Files in it are deleted as soon as they are read, and the
folder at the end.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Read when Gradio is imported: no telemetry, no look for a new version, no history of runs.
os.environ |= {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}

import gradio as gr
from fastapi.responses import FileResponse, Response
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from deid.app import desk, limits, page
from deid.app.visits import Visits

LOCAL = "127.0.0.1"
# The page may load only what this server sends; its own scripts and styles stand in it.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"cache-control": b"no-store",  # no browser writes a face to its disk
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}


class Guarded:
    """An application whose every answer carries ``HEADERS``."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message["headers"] if pair[0].lower() not in HEADERS]
                message = message | {"headers": [*others, *HEADERS.items()]}
            await send(message)

        await self.app(scope, receive, sent)


@dataclass(frozen=True)
class Server:
    """A server that runs: its ``address``, the ``folder`` that uploads pass through, and who is there."""

    address: str
    folder: Path
    visits: Visits
    blocks: gr.Blocks

    def wait(self) -> None:
        """Wait until the process is told to end."""
        self.blocks.block_thread()


@contextlib.contextmanager
def serve(host: str = LOCAL, port: int | None = None) -> Iterator[Server]:
    """Serve the page; at the end all visits are closed and the folder is removed.

    ``port``: None for the first that is free from 7860 on. Raises ``OSError`` where it is not free.
    """
    with tempfile.TemporaryDirectory(prefix="deid-app-", ignore_cleanup_errors=True) as name:
        before = os.environ.get("GRADIO_TEMP_DIR")
        # Apart: whatever lies in Gradio's folder can be asked of Gradio.
        uploads, sessions = Path(name, "uploads"), Path(name, "sessions")
        uploads.mkdir()
        sessions.mkdir()
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        visits = Visits(sessions)
        blocks = page.build(visits).queue(max_size=20)
        try:
            app, address, _ = blocks.launch(
                server_name=host,
                server_port=port,
                share=False,
                prevent_thread_lock=True,
                quiet=True,
                max_file_size=limits.MEGABYTES * limits.MEGABYTE,
                footer_links=[],
                run_history=False,
                state_session_capacity=20,
                theme=gr.themes.Default(
                    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
                ),
                css=page.CSS,
                ssr_mode=False,
                app_kwargs={"middleware": _middleware(host)},
            )
            app.add_api_route(desk.FETCH + "{word}", _fetch(visits), methods=["GET"])
            yield Server(address, Path(name), visits, blocks)
        finally:
            blocks.close(verbose=False)
            visits.close_all()
            if before is None:
                os.environ.pop("GRADIO_TEMP_DIR")
            else:
                os.environ["GRADIO_TEMP_DIR"] = before


def _middleware(host: str) -> Sequence[Middleware]:
    """What each request passes through. A page elsewhere that points its name at this machine is refused."""
    known = [Middleware(TrustedHostMiddleware, allowed_hosts=[LOCAL, "localhost"])] if host == LOCAL else []
    return [Middleware(Guarded), *known]


def _fetch(visits: Visits) -> Any:
    def fetch(word: str) -> Response:
        """What a visit handed out under this word."""
        item = visits.item(word)
        if item is None:
            return Response("gone: the page was closed, or shows another result now", 404)
        if isinstance(item.content, Path):
            return FileResponse(item.content, media_type=item.kind)
        return Response(item.content, media_type=item.kind)

    return fetch
