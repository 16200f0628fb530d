"""The world outside, on this machine: certificates of our own, and a server that does as told."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK: Final = ipaddress.ip_network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: an authority that nobody else knows, and a certificate of its for this machine."""

    ca_file: Path
    cert_file: Path
    key_file: Path

    @classmethod
    def make(cls, folder: Path, *names: str) -> Certificates:
        """For 127.0.0.1 and ``names``, or localhost."""
        now = datetime.now(UTC)
        authority, key = (
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP256R1()),
        )
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])

        def draft(subject: x509.Name, public: Any) -> x509.CertificateBuilder:
            return (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(issuer)
                .public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(days=1))
                .not_valid_after(now + timedelta(days=1))
            )

        root = (
            draft(issuer, authority.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(authority, hashes.SHA256())
        )
        known: list[x509.GeneralName] = [x509.DNSName(name) for name in names or ("localhost",)]
        known.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        leaf = (
            draft(x509.Name([]), key.public_key())
            .add_extension(x509.SubjectAlternativeName(known), critical=True)
            .sign(authority, hashes.SHA256())
        )
        made = cls(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
        made.ca_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        made.cert_file.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        made.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return made


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    method: str
    path: str  # with the query
    headers: Mapping[str, str]  # names in lower case
    body: bytes


Told = tuple[int, Mapping[str, str], bytes]


@dataclass(slots=True)
class Outside:
    """An HTTPS server of somebody else's. ``answer`` says what it answers, and may be changed."""

    port: int = 0
    answer: Callable[[Received], Told] = lambda _: (200, {}, b"")
    received: list[Received] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)  # that clients asked for, in TLS

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"


@contextmanager
def outside(certificates: Certificates) -> Iterator[Outside]:
    """Serve from threads on a free port of 127.0.0.1 until the block ends."""
    it = Outside()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.command, self.path, headers, body)
            it.received.append(request)
            status, told, answer = it.answer(request)
            self.close_connection = True
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **told}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                pass  # the client had enough

        do_GET = do_POST = _do  # noqa: N815 - the library's own names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not like the certificate is no error of the server."""

        def finish_request(self, request: Any, client_address: Any) -> None:
            # In the connection's own thread: a client that is slow here holds up nobody else.
            with context.wrap_socket(request, server_side=True) as spoken:
                Handler(spoken, client_address, self)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert_file, certificates.key_file)

    def named(_socket: Any, name: str | None, _context: Any) -> None:
        it.names.append(name)

    context.sni_callback = named
    with Server(("127.0.0.1", 0), Handler) as server:
        it.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()
