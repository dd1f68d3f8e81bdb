# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server that does what servers shouldn't; the path says what. With a certificate it speaks HTTPS."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import random
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Callable, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Three blocks of a download and some more, which doesn't pack.
BODY = random.Random(6).randbytes(800_000)
OTHER = random.Random(7).randbytes(700_000)
HALF = 600_000
TAG = '"one"'


class Server(ThreadingHTTPServer):
    """files are further ones, by path. requests are those that came, with their headers in lower case."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.scheme = "http"
        self.ended, self.released = threading.Event(), threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose."""

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def times(self, path: str) -> int:
        return sum(1 for asked, _headers in self.requests if asked == path)

    def header(self, name: str) -> list[str]:
        """What each request said in that header."""
        return [headers.get(name, "") for _path, headers in self.requests]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.requests.append((path, {key.lower(): value for key, value in self.headers.items()}))
        self.close_connection = True
        with contextlib.suppress(OSError):
            behaviour = BEHAVIOURS.get(path)
            if behaviour is not None:
                behaviour(self)
            elif path in self.server.files:
                self.send(self.server.files[path])
            elif path[1:].isdigit():
                self.send_error(int(path[1:]))
            else:
                self.send_error(404)

    def first(self) -> bool:
        return self.server.times(self.path.partition("?")[0]) == 1

    def send(self, body: bytes, *, tag: str = TAG, most: int = 1 << 30, length: int = 0, **headers: str) -> None:
        """The body or the range of it that was asked for, of which most bytes really come."""
        asked, only = self.headers.get("Range"), self.headers.get("If-Range")
        start = int(asked[6:-1]) if asked and only == tag else 0
        if start >= len(body) and start:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if tag:
            self.send_header("ETag" if tag.startswith('"') else "Last-Modified", tag)
        self.send_header("Content-Length", str((length or len(body)) - start))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body[start : start + most])

    def redirect(self, target: str, code: int = 302) -> None:
        self.send_response(code)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def chunked(self, blocks: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in blocks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))

    def log_message(self, *arguments: object) -> None:
        pass


def cut(handler: Handler) -> None:
    """The first answer ends half-way."""
    handler.send(BODY, most=HALF if handler.first() else 1 << 30)


def dated(handler: Handler) -> None:
    handler.send(BODY, tag="Sat, 01 Nov 2025 10:00:00 GMT", most=HALF if handler.first() else 1 << 30)


def ignorant(handler: Handler) -> None:
    """It knows no ranges."""
    del handler.headers["Range"]
    cut(handler)


def changed(handler: Handler) -> None:
    """It cuts one file, and has another one afterwards."""
    if handler.first():
        handler.send(OTHER, tag='"old"', most=HALF)
    else:
        handler.send(BODY)


def swapped(handler: Handler) -> None:
    """As above, but by its tag it is the same."""
    if handler.first():
        handler.send(b"\0" * len(BODY), most=HALF)
    else:
        handler.send(BODY)


def other_part(handler: Handler) -> None:
    if not handler.headers.get("Range"):
        cut(handler)
        return
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes 0-{len(BODY) - 1}/{len(BODY)}")
    handler.send_header("Content-Length", str(len(BODY)))
    handler.end_headers()
    handler.wfile.write(BODY)


def shrunk(handler: Handler) -> None:
    """The file is shorter than what is there, and its tag the same."""
    handler.send(OTHER if handler.first() else BODY[:1000], most=HALF)


def busy(handler: Handler) -> None:
    if not handler.first():
        handler.send(BODY)
        return
    handler.send_response(503)
    handler.send_header("Retry-After", "0")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def reset(handler: Handler) -> None:
    """The first connection is torn in the midst."""
    if not handler.first():
        handler.send(BODY)
        return
    handler.send(BODY, most=HALF)
    handler.wfile.flush()
    time.sleep(0.05)
    handler.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def stall(handler: Handler) -> None:
    handler.send(BODY, most=HALF)
    handler.wfile.flush()
    handler.server.ended.wait(10)


def trickle(handler: Handler) -> None:
    handler.send(BODY, most=0)
    for index in range(500):
        handler.wfile.write(BODY[index : index + 1])
        if handler.server.ended.wait(0.02):
            return


def slow_head(handler: Handler) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 500:
        handler.wfile.write(bytes([letter]))
        if handler.server.ended.wait(0.02):
            return


def slow(handler: Handler) -> None:
    """Some at once, and no more before it is let."""
    free = handler.server.released
    handler.send(BODY, most=1 << 30 if free.is_set() else 270_000 if handler.headers.get("Range") else HALF)
    handler.wfile.flush()
    free.wait(60)


def endless() -> Iterator[bytes]:
    while True:
        yield BODY


def torn() -> Iterator[bytes]:
    yield BODY[:HALF]


def say(handler: Handler, line: bytes) -> None:
    handler.wfile.write(line)


def far(handler: Handler) -> None:
    handler.redirect(handler.server.files["far"].decode())


PAGE = b"  <!DOCTYPE html><html><body>Sign in</body></html>" * 20
BEHAVIOURS: dict[str, Callable[[Handler], None]] = {
    "/image": lambda handler: handler.send(BODY),
    "/cut": cut,
    "/dated": dated,
    "/untagged": lambda handler: handler.send(BODY, tag="", most=HALF if handler.first() else 1 << 30),
    "/weak": lambda handler: handler.send(BODY, tag="", most=HALF if handler.first() else 1 << 30, ETag='W/"x"'),
    "/ignorant": ignorant,
    "/changed": changed,
    "/swapped": swapped,
    "/other-part": other_part,
    "/shrunk": shrunk,
    "/busy": busy,
    "/reset": reset,
    "/stall": stall,
    "/trickle": trickle,
    "/slow": slow,
    "/slow-head": slow_head,
    "/always-cut": lambda handler: handler.send(BODY, most=0),
    "/cut-for-ever": lambda handler: handler.send(BODY, most=100_000),
    "/longer": lambda handler: handler.send(BODY, length=len(BODY) + 1),
    "/shorter": lambda handler: handler.send(BODY, length=len(BODY) - 1),
    "/absurd": lambda handler: handler.send(BODY, length=1 << 60),
    "/roomy": lambda handler: handler.send(BODY, length=1 << 37),
    "/no-number": lambda handler: handler.send(BODY, length=-5),
    "/endless": lambda handler: handler.chunked(endless()),
    "/torn": lambda handler: handler.chunked(torn()),
    "/gzip": lambda handler: handler.send(BODY, Content_Encoding="gzip"),
    "/page": lambda handler: handler.send(PAGE),
    "/empty": lambda handler: handler.send(b""),
    "/nothing": lambda handler: say(handler, b"HTTP/1.1 204 No Content\r\n\r\n"),
    "/partial": lambda handler: say(handler, b"HTTP/1.1 206 Partial Content\r\n\r\n"),
    "/loop": lambda handler: handler.redirect("/loop"),
    "/moved": lambda handler: handler.redirect("/image", 308),
    "/file": lambda handler: handler.redirect("file:///etc/passwd"),
    "/nowhere": lambda handler: handler.redirect(""),
    "/odd": lambda handler: handler.redirect("http://[bad"),
    "/far": far,
    "/hang-up": lambda handler: None,
    "/rubbish": lambda handler: say(handler, b"rubbish\r\n\r\n"),
}


@contextlib.contextmanager
def serving(certificate: Optional[Path] = None) -> Iterator[Server]:
    """certificate is a file that holds it and its key."""
    server = Server()
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(path: Path, *, address: str = "127.0.0.1", days: int = 10) -> None:
    """One that vouches for itself, and its key. Whoever trusts it trusts the server. days may be negative: expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "burrow-test")])
    end = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=20))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
