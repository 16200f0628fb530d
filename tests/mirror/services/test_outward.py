"""Requests that leave the house: whom they reach, and whom they never do."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from services.outward import NoAnswer, NotAllowed, Outward, check_url
from tests.outward import LOOPBACK, Certificates, Outside, Received, outside

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def there(certificates: Certificates) -> Iterator[Outside]:
    with outside(certificates) as it:
        yield it


@pytest.fixture
async def client(certificates: Certificates) -> AsyncIterator[Outward]:
    it = Outward(private=[LOOPBACK], ca_file=certificates.ca_file, resolve=to("127.0.0.1"))
    yield it
    await it.close()


def to(*addresses: str):  # type: ignore[no-untyped-def]  # a resolver, by example
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return addresses

    resolve.asked = asked  # type: ignore[attr-defined]
    return resolve


async def test_an_answer_comes_whole_and_the_request_names_its_host(
    client: Outward, there: Outside
) -> None:
    there.answer = lambda _: (201, {"X-Seen": "yes"}, b"done")
    reply = await client.post(f"{there.origin}/hook?a=1", b"{}", headers={"X-Id": "7"})
    assert (reply.status, reply.headers["x-seen"], reply.body) == (201, "yes", b"done")
    (request,) = there.received
    assert (request.method, request.path, request.body) == ("POST", "/hook?a=1", b"{}")
    assert request.headers["host"] == f"localhost:{there.port}"
    assert request.headers["x-id"] == "7"
    assert there.names == ["localhost"]  # TLS spoke of the name, though an address was connected to


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "//example.com/",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/\r\nx: y",
        "https://example.com\\@10.0.0.1/",
        "https://example.com#@10.0.0.1/",
        "https://EXAMPLE.com/",
        "https://example.com./",
        "https://example.com:/",
        "https://[fe80::1%25eth0]/",
        "https://exämple.com/",
        "https://example.com/" + "a" * 2_100,
        "file:///etc/passwd",
        "",
    ],
)
def test_an_address_that_is_not_plainly_https_is_not_even_looked_up(url: str) -> None:
    with pytest.raises(NotAllowed) as no:
        check_url(url)
    assert str(no.value).endswith(".")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192",
        "198.18.0.1", "192.0.2.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "168.63.129.16", "192.88.99.1",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe",
        "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
        "5f00::1", "3fff::1", "::ffff:0:7f00:1", "fe80::1%eth0", "2002:a9fe:a9fe::",
        "64:ff9b::a9fe:a9fe", "::a9fe:a9fe",
    ],
)  # fmt: skip
async def test_no_address_inside_is_ever_asked(address: str) -> None:
    client = Outward(resolve=to(address))
    with pytest.raises(NotAllowed, match=r"no host partner\.example on the open network"):
        await client.get("https://partner.example/")
    await client.close()


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111"])
async def test_an_address_on_the_open_network_is_allowed(address: str) -> None:
    assert Outward().allows(ipaddress.ip_address(address))


async def test_a_name_with_one_address_inside_is_not_asked_at_any(there: Outside) -> None:
    client = Outward(resolve=to("8.8.8.8", "127.0.0.1"))
    with pytest.raises(NotAllowed):
        await client.get(f"{there.origin}/")
    assert there.received == []
    await client.close()


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "017700000001", "[::1]"])
async def test_an_address_in_disguise_is_seen_for_what_it_is(host: str) -> None:
    """The machine's own resolver reads such names, so it is the one that is asked."""
    client = Outward()
    with pytest.raises((NotAllowed, NoAnswer)):
        await client.get(f"https://{host}/")
    await client.close()


async def test_of_several_addresses_the_first_that_answers_is_asked(
    certificates: Certificates, there: Outside
) -> None:
    client = Outward([LOOPBACK], certificates.ca_file, resolve=to("127.0.0.2", "127.0.0.1"))
    assert (await client.get(f"{there.origin}/")).status == 200
    await client.close()


async def test_a_name_is_resolved_once_so_it_cannot_lead_elsewhere_afterwards(
    certificates: Certificates, there: Outside
) -> None:
    """The name leads here when it is looked at, and inside for whoever asks again."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    client = Outward(private=[LOOPBACK], ca_file=certificates.ca_file, resolve=resolve)
    assert (await client.get(f"{there.origin}/")).status == 200
    with pytest.raises(NotAllowed):
        await client.get(f"{there.origin}/")  # a new connection is looked at anew
    await client.close()


async def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to(
    tmp_path: Path,
) -> None:
    """Nobody else than the test knows where this name leads; TLS goes on to speak of the name."""
    certificates = Certificates.make(tmp_path, "partner.example")
    with outside(certificates) as there:
        client = Outward(private=[LOOPBACK], ca_file=certificates.ca_file, resolve=to("127.0.0.1"))
        reply = await client.get(f"https://partner.example:{there.port}/")
        assert (reply.status, there.names) == (200, ["partner.example"])
        await client.close()


async def test_a_redirect_is_told_and_not_followed(client: Outward, there: Outside) -> None:
    there.answer = lambda _: (302, {"Location": f"{there.origin}/elsewhere"}, b"")
    assert (await client.get(f"{there.origin}/")).status == 302
    assert [request.path for request in there.received] == ["/"]


async def test_an_answer_that_is_too_long_is_none_or_is_cut(
    client: Outward, there: Outside
) -> None:
    there.answer = lambda _: (200, {}, b"x" * 70_000)
    with pytest.raises(NoAnswer, match="65,536 bytes"):
        await client.get(f"{there.origin}/")
    reply = await client.post(f"{there.origin}/", b"", max_bytes=10, cut=True)
    assert reply.body == b"x" * 10


async def test_an_answer_that_takes_too_long_is_none(client: Outward, there: Outside) -> None:
    over = threading.Event()

    def slowly(_: Received) -> tuple[int, dict[str, str], bytes]:
        over.wait(30)
        return 200, {}, b""

    there.answer = slowly
    with pytest.raises(NoAnswer, match=r"within 0\.05 s"):
        await client.get(f"{there.origin}/", within_s=0.05)
    over.set()


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def spoken(
    answering: Answering, certificates: Certificates | None
) -> AsyncIterator[tuple[str, list[asyncio.Task[None]]]]:
    """A server that says what it likes, and its connections; without certificates not over TLS."""
    context = None
    if certificates is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.cert_file, certificates.key_file)
    connections: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.append(task)
        writers.append(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await answering(reader, writer)
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        try:
            yield f"https://localhost:{server.sockets[0].getsockname()[1]}", connections
        finally:
            for writer in writers:
                writer.transport.abort()
            await asyncio.gather(*connections)


async def test_an_answer_that_drips_is_none(certificates: Certificates, client: Outward) -> None:
    """Each byte comes in time; the whole of it never does."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n")
        for _ in range(300):
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with spoken(drip, certificates) as (origin, _):
        with pytest.raises(NoAnswer, match=r"within 0\.3 s"):
            await client.get(f"{origin}/", within_s=0.3)


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        (b"", b"HTTP/1.1 100 \r\n\r\n"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"0001;" + b"x" * 9 + b"\r\n.\r\n",
        ),
        (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    ],
    ids=["never begins", "crumbs", "headers"],
)
async def test_an_answer_without_end_is_read_to_its_limit_whatever_it_consists_of(
    certificates: Certificates, client: Outward, begins: bytes, goes_on: bytes
) -> None:
    """Not to the end of its time: reading it is work that others wait for."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begins)
        while True:
            writer.write(goes_on * 64)
            await writer.drain()

    async with spoken(flood, certificates) as (origin, _):
        with pytest.raises(NoAnswer, match=r"longer than|no whole answer"):
            await client.get(f"{origin}/", within_s=10.0)


async def test_a_connection_ends_with_its_request(
    certificates: Certificates, client: Outward
) -> None:
    """Also those of the first requests, which come at one moment."""

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with spoken(stay, certificates) as (origin, connections):
        replies = await asyncio.gather(*(client.get(f"{origin}/") for _ in range(8)))
        assert [reply.body for reply in replies] == [b"ok"] * 8
        async with asyncio.timeout(10):
            await asyncio.gather(*connections)
    assert len(connections) == 8


async def test_a_connection_ends_with_its_request_also_where_tls_never_begins(
    client: Outward,
) -> None:
    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            pass

    async with spoken(mute, None) as (origin, connections):
        with pytest.raises(NoAnswer, match="within"):
            await client.get(f"{origin}/", within_s=0.2)
        async with asyncio.timeout(10):
            await asyncio.gather(*connections)
    assert len(connections) == 1


async def test_what_is_no_http_is_no_answer(certificates: Certificates, client: Outward) -> None:
    async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await reader.read()

    async with spoken(mail, certificates) as (origin, _):
        with pytest.raises(NoAnswer, match="HTTP"):
            await client.get(f"{origin}/")


async def test_a_certificate_of_an_unknown_authority_is_no_answer(there: Outside) -> None:
    client = Outward(private=[LOOPBACK], resolve=to("127.0.0.1"))
    with pytest.raises(NoAnswer, match="certificate"):
        await client.get(f"{there.origin}/")
    assert there.received == []
    await client.close()


async def test_a_certificate_for_another_name_is_no_answer(
    tmp_path: Path,
) -> None:
    certificates = Certificates.make(tmp_path, "other.example")
    with outside(certificates) as there:
        client = Outward(private=[LOOPBACK], ca_file=certificates.ca_file, resolve=to("127.0.0.1"))
        with pytest.raises(NoAnswer, match="certificate"):
            await client.get(f"{there.origin}/")
        assert there.received == []
        await client.close()


async def test_what_is_away_is_no_answer_and_a_name_that_leads_nowhere_neither(
    client: Outward, there: Outside
) -> None:
    with pytest.raises(NoAnswer):
        await client.get("https://localhost:1/")
    nowhere = Outward(resolve=to())
    with pytest.raises(NoAnswer, match=r"no host nowhere\.example on the open network"):
        await nowhere.get("https://nowhere.example/")
    await nowhere.close()


async def test_a_proxy_in_the_environment_is_not_asked(
    client: Outward, there: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would look names up by itself, and nobody would see where they lead."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await client.get(f"{there.origin}/")).status == 200
