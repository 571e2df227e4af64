"""The server of the playground: on this computer alone, for its own page alone.

A page of another site must not be able to ask it, nor to read its answers, even if the name of that site leads to this
computer (DNS rebinding): the headers `Host`, `Origin` and `Sec-Fetch-Site` must be those of the page itself, and
questions must be JSON, which a form cannot send. The page may fetch nothing from elsewhere (Content-Security-Policy).
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

from eurotok import escape
from eurotok.output import report
from eurotok.playground import MOST_BYTES, Playground, QuestionError

ADDRESS = "127.0.0.1"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

PATIENCE = 15
"""Seconds that a connection may stay silent."""

MOST_DISCARDED = 16 * MOST_BYTES
"""Bytes of a refused question that are read."""


class RefusedError(Exception):
    """A request that is not answered.

    Parameters
    ----------
    status
        Why, as a status of HTTP.
    reason
        Why, in words.
    """

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Server(ThreadingHTTPServer):
    """Serves a playground, each request in a thread.

    Parameters
    ----------
    playground
        The object that answers.
    port
        Where; 0 for any that is free.

    Raises
    ------
    ValueError
        If another program has the port, or it is not for everybody.
    """

    daemon_threads = True
    # On Windows it would let two programs have one port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, playground: Playground, port: int) -> None:
        self.playground = playground
        try:
            super().__init__((ADDRESS, port), Handler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                reason = f"another program has port {port}"
            elif error.errno == errno.EACCES:
                reason = f"only an administrator may have port {port}"
            else:
                raise
            raise ValueError(f"port: {reason}; choose another one, or 0 for any that is free") from None
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        if self.server_port == 80:
            self.hosts |= {ADDRESS, "localhost"}
        report_files, own = resources.files(report), resources.files(__package__)
        self.files = {
            "/style.css": ("text/css", (report_files / "page.css", own / "page.css")),
            "/script.js": ("text/javascript", (report_files / "elements.js", own / "page.js")),
        }

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, *_: object) -> None:
        """Say nothing of connections that break."""


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    server: Server
    timeout = PATIENCE
    server_version, sys_version = "eurotok", ""

    def do_GET(self) -> None:
        """Give the page, its style or its script."""
        self._answer(self._file)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Answer a question of the page."""
        self._answer(self._question)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002
        """Keep no log."""

    def send_error(self, code: int, *_: object) -> None:
        """Refuse a request that is not HTTP, in a line that tells nothing of the request."""
        self.close_connection = True
        self._send(HTTPStatus(code), "text/plain", f"{HTTPStatus(code).phrase}\n".encode())

    def _answer(self, make: Callable[[], tuple[str, bytes]]) -> None:
        try:
            self._check()
            kind, content = make()
            status = HTTPStatus.OK
        except RefusedError as refused:
            status, kind = refused.status, "application/json"
            content = escape.json_text({"error": str(refused)}).encode()
            self.close_connection = True
        self._send(status, kind, content)
        if status != HTTPStatus.OK:
            self._discard()

    def _check(self) -> None:
        """Refuse requests that do not come from the page itself."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "the header Host is not that of this server")
        origins = self.headers.get_all("Origin") or []
        if any(origin.lower() not in {f"http://{host}" for host in self.server.hosts} for origin in origins):
            raise RefusedError(HTTPStatus.FORBIDDEN, "a page of another site may not ask")
        if self.command == "POST" and self.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise RefusedError(HTTPStatus.FORBIDDEN, "a page of another site may not ask")

    def _file(self) -> tuple[str, bytes]:
        path = self.path.partition("?")[0]
        if path == "/":
            return "text/html", self.server.playground.page(self.headers.get("Accept-Language", "")).encode()
        if path not in self.server.files:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")
        kind, files = self.server.files[path]
        return kind, b"".join(file.read_bytes() for file in files)

    def _question(self) -> tuple[str, bytes]:
        asked = {"/tokens": self.server.playground.tokens, "/sentence": self.server.playground.sentence}
        if self.path not in asked:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")
        try:
            answer = asked[self.path](self._body())
        except QuestionError as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None
        return "application/json", escape.json_text(answer).encode()

    def _body(self) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a question is application/json")
        lengths = self.headers.get_all("Content-Length") or []
        if len(lengths) != 1 or self.headers.get("Transfer-Encoding"):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a question tells its length")
        if not re.fullmatch("[0-9]{1,20}", lengths[0]):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the length is no number")
        length = int(lengths[0])
        if length > MOST_BYTES:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a question has {MOST_BYTES:,} bytes at most")
        content = self.rfile.read(length)
        if len(content) < length:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the question is cut off")
        try:
            question = json.loads(content)
        except (ValueError, RecursionError):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the question is not JSON") from None
        if not isinstance(question, dict):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the question is no JSON object")
        return question

    def _discard(self) -> None:
        """Read some of a question that is refused: a browser that is still sending does not hear an answer."""
        left = MOST_DISCARDED if self.command == "POST" else 0
        self.connection.settimeout(1)
        with suppress(OSError):
            while left > 0 and (taken := len(self.rfile.read1(1 << 16))):
                left -= taken

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
