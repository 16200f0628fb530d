"""A URL says how far a PostgreSQL is trusted, in psql's words; who answers has to prove it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from store.database import Database
from store.errors import DatabaseAway
from store.postgresql_address import address

pytestmark = pytest.mark.anyio

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
REFUSAL = b"E\0\0\0\x15SFATAL\0C28000\0Mno\0\0"


def certificate(folder: Path, name: str) -> Path:
    """A certificate of this machine's address, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@dataclass
class Listener:
    """Says it is a PostgreSQL, and hears who calls."""

    port: int = 0
    plain: list[bytes] = field(default_factory=list)  # what came in the open, but asking for TLS
    sealed: list[bytes] = field(default_factory=list)  # what came over TLS


@asynccontextmanager
async def listening(certificate: Path) -> AsyncIterator[Listener]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    heard = Listener()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(8)
            if first == SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(context)
                heard.sealed.append(await reader.read(1024))
            else:
                heard.plain.append(first + await reader.read(1024))
            writer.write(REFUSAL)
            await writer.drain()
        except (ssl.SSLError, OSError, asyncio.IncompleteReadError):
            pass  # the caller did not like what it saw
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    heard.port = server.sockets[0].getsockname()[1]
    try:
        yield heard
    finally:
        server.close()


async def call(heard: Listener, query: str, host: str = "127.0.0.1") -> str:
    database = Database.open(f"postgresql://valor_app@{host}:{heard.port}/valor{query}")
    try:
        with pytest.raises(DatabaseAway) as no:  # nobody here is a PostgreSQL
            await database.ping()
    finally:
        await database.close()
    return str(no.value)


async def test_who_proves_to_be_the_server_hears_who_calls_over_tls_alone(tmp_path: Path) -> None:
    server = certificate(tmp_path, "server")
    async with listening(server) as heard:
        for mode in ("verify-full", "verify-ca", "require"):
            await call(heard, f"?sslmode={mode}&sslrootcert={server}")
    assert len(heard.sealed) == 3
    assert all(b"valor_app" in said for said in heard.sealed)
    assert heard.plain == []


async def test_who_proves_nothing_hears_nothing(tmp_path: Path) -> None:
    server, other = certificate(tmp_path, "server"), certificate(tmp_path, "other")
    async with listening(server) as heard:
        said = await call(heard, f"?sslmode=verify-full&sslrootcert={other}")
        assert said == "The database does not prove who it is."
        await call(heard, f"?sslmode=verify-ca&sslrootcert={other}")
        await call(heard, "?sslmode=verify-full")  # signed by nobody whom this machine trusts
        await call(heard, f"?sslmode=verify-full&sslrootcert={server}", host="localhost")
        assert (heard.sealed, heard.plain) == ([], [])
        await call(heard, f"?sslmode=verify-ca&sslrootcert={server}", host="localhost")
        assert len(heard.sealed) == 1  # the name alone was not its own


async def test_without_tls_where_it_is_said_so(tmp_path: Path) -> None:
    async with listening(certificate(tmp_path, "server")) as heard:
        await call(heard, "?sslmode=disable")
    assert len(heard.plain) == 1
    assert heard.sealed == []


def test_what_is_no_mode_and_what_is_no_certificate_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="verify-full is the safe one"):
        address("postgresql://a@b/c?sslmode=maybe")
    with pytest.raises(OSError, match="No such file"):
        address(f"postgresql://a@b/c?sslmode=verify-full&sslrootcert={tmp_path}/none.pem")


def test_a_socket_of_this_machine_wants_no_tls() -> None:
    found, arguments = address("postgresql://a@/c?host=/run/postgresql&sslmode=verify-full")
    assert dict(found.query) == {"host": "/run/postgresql"}
    assert arguments == {}
    assert address("postgresql://a@b/c")[1] == {}
