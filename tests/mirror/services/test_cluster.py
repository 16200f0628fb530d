"""On a real Dask cluster the numbers are the same to the last bit, or there is a clear no."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from engine.chunks import Stopped, never
from engine.dcf import DcfOutput
from engine.provenance import ENGINE_VERSION
from engine.simulation import Sampling, SimulationSpec, draw_values, simulate
from services import cluster as module
from services.cluster import Cluster, ClusterLost, ClusterPlace, ClusterUnfit
from services.simulations import question_of, simulation_document
from services.valuations import canonical
from tests.dcf_documents import firm
from tests.local_cluster import Local, local_cluster
from tests.mirror.services.computing import SHOCKS

pytest.importorskip("distributed", reason="the extra `cluster` is not installed; in CI it is")

QUESTION = question_of("DCF", firm(), DcfOutput.VALUE_PER_SHARE)
TRIALS = 1_000_000


def spec(trials: int = TRIALS, sampling: Sampling = Sampling.PLAIN) -> SimulationSpec:
    return SimulationSpec(trials=trials, seed=7, shocks=SHOCKS, sampling=sampling)


def digest(asked: SimulationSpec, executor: Any = None, stopped: Any = never) -> str:
    """Of the whole result, as it would be kept."""
    found = simulate(QUESTION, asked, 10.0, executor=executor, stopped=stopped)
    return hashlib.sha256(canonical(simulation_document(found))).hexdigest()


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """Two workers, which tests leave as they were."""
    with local_cluster() as local:
        yield local


@pytest.fixture
def connect() -> Iterator[Callable[[Local | str], Cluster]]:
    """Connections that are closed after the test."""
    made: list[Cluster] = []

    def cluster(at: Local | str) -> Cluster:
        address = at if isinstance(at, str) else at.address
        made.append(Cluster(ClusterPlace(address=address)))
        return made[-1]

    yield cluster
    for each in made:
        each.close()


Connect = Callable[[Local | str], Cluster]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


# The same bits


@pytest.mark.parametrize("sampling", list(Sampling))
def test_one_thread_two_processes_and_a_cluster_have_one_hash(
    local: Local, connect: Connect, sampling: Sampling
) -> None:
    asked = spec(300_000, sampling)
    one = digest(asked)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        two = digest(asked, processes)
    with connect(local).crew(never) as (crew, stopped):
        assert one == two == digest(asked, crew, stopped)


def test_each_trial_is_the_same_on_the_cluster_and_in_its_place(
    local: Local, connect: Connect
) -> None:
    with connect(local).crew(never) as (crew, _):
        there = draw_values(QUESTION, spec(200_000), crew)
    assert there.tobytes() == draw_values(QUESTION, spec(200_000)).tobytes()


def test_a_worker_that_dies_changes_nothing_but_the_time_it_takes(connect: Connect) -> None:
    expected = digest(spec(2_000_000))
    with local_cluster() as local, connect(local).crew(never) as (crew, stopped):
        killed: list[int] = []

        def look() -> bool:
            if not killed:
                killed.append(local.workers[0])
                os.kill(local.workers[0], signal.SIGKILL)
            return bool(stopped())

        assert digest(spec(2_000_000), crew, look) == expected
        assert killed


def test_a_connection_serves_one_run_after_the_other(local: Local, connect: Connect) -> None:
    cluster = connect(local)
    assert cluster.threads() == (2, 2)
    for _ in range(2):
        with cluster.crew(never) as (crew, stopped):
            assert digest(spec(100_000), crew, stopped) == digest(spec(100_000))


def test_whoever_stops_is_heard(local: Local, connect: Connect) -> None:
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) > 20

    with (
        pytest.raises(Stopped),
        connect(local).crew(stop) as (crew, stopped),
    ):
        digest(spec(50_000_000), crew, stopped)


# A clear no


def test_a_scheduler_that_dies_in_the_middle_is_a_loss_and_no_number(connect: Connect) -> None:
    with local_cluster() as local:
        cluster = connect(local)
        killed: list[float] = []
        with (  # noqa: PT012 - the block is what is lost
            pytest.raises(ClusterLost, match=f"The cluster at {local.address} was lost"),
            cluster.crew(never) as (crew, stopped),
        ):

            def look() -> bool:
                if not killed:
                    local.kill()
                    killed.append(time.monotonic())
                return bool(stopped())

            digest(spec(50_000_000), crew, look)
        assert time.monotonic() - killed[0] < 60.0


def test_a_scheduler_that_stands_still_is_a_loss(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_cluster(workers=1) as local:
        cluster = connect(local)
        stopped_at: list[float] = []
        with (  # noqa: PT012 - the block is what is lost
            pytest.raises(ClusterLost, match="its scheduler does not answer"),
            cluster.crew(never) as (crew, stopped),
        ):

            def look() -> bool:
                if not stopped_at:
                    local.process.send_signal(signal.SIGSTOP)
                    monkeypatch.setattr(module, "ANSWER_S", 1.0)
                    stopped_at.append(time.monotonic())
                return bool(stopped())

            digest(spec(50_000_000), crew, look)
        assert time.monotonic() - stopped_at[0] < 60.0
        local.kill()


def test_a_connection_that_was_made_again_in_the_middle_is_a_loss(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tasks are gone, though the scheduler that is there now answers every look."""
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    with local_cluster(workers=1) as local:
        cluster = connect(local)
        broken: list[bool] = []
        with (  # noqa: PT012 - the block is what is lost
            pytest.raises(ClusterLost, match="was lost"),
            cluster.crew(never) as (crew, stopped),
        ):

            def look() -> bool:
                if not broken:
                    client = cluster._client
                    before = client.scheduler_comm
                    client.loop.add_callback(before.comm.abort)
                    until = time.monotonic() + 60.0
                    while client.status != "running" or client.scheduler_comm in (None, before):
                        assert time.monotonic() < until
                    broken.append(True)
                return bool(stopped())

            digest(spec(50_000_000), crew, look)
        assert broken
        with cluster.crew(never) as (crew, stopped):
            assert digest(spec(100_000), crew, stopped) == digest(spec(100_000))


def test_a_cluster_that_comes_back_is_found_again(connect: Connect) -> None:
    port = free_port()
    cluster = connect(f"tcp://127.0.0.1:{port}")
    for _ in range(2):
        with local_cluster(workers=1, port=port), cluster.crew(never) as (crew, stopped):
            assert digest(spec(100_000), crew, stopped) == digest(spec(100_000))


def test_nobody_at_the_address_is_a_loss(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 0.3)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ClusterLost, match=f"The cluster at {address} does not answer"):
        connect(address).threads()


# What is left behind


def test_a_connection_that_is_not_made_leaves_no_thread(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 0.1)
    before = threading.enumerate()
    with pytest.raises(ClusterLost):
        connect(f"tcp://127.0.0.1:{free_port()}").threads()
    assert threading.enumerate() == before


def test_a_connection_that_is_not_closed_in_time_leaves_no_thread(
    local: Local, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.1)
    before = threading.enumerate()
    cluster = connect(local)
    cluster.threads()

    async def close(**_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(cluster._client, "_close", close)
    cluster.close()
    assert threading.enumerate() == before


def test_a_connection_that_is_closed_while_another_is_made_leaves_no_socket(
    local: Local, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tornado has connected, and whoever asked for it is cancelled before it knows."""
    from tornado.tcpclient import TCPClient

    made: list[Any] = []
    there, tornado = threading.Event(), TCPClient.connect
    cluster = connect(local)
    cluster.threads()

    async def but_not_told(*given: Any, **more: Any) -> Any:
        made.append((await tornado(*given, **more)).socket)
        there.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(TCPClient, "connect", but_not_told)
    client = cluster._client
    client.loop.add_callback(client.rpc.connect, local.address)
    assert there.wait(60.0)
    cluster.close()
    assert [each.fileno() for each in made] == [-1]


def test_a_cluster_without_workers_is_a_loss_in_the_end(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.5)
    monkeypatch.setattr(module, "LOOK_S", 0.1)
    with (
        local_cluster(workers=0) as local,
        pytest.raises(ClusterLost, match="it had no worker"),
        connect(local).crew(never) as (crew, stopped),
    ):
        digest(spec(), crew, stopped)


def other_world(folder: Path, code: str) -> Path:
    """A folder whose processes run some code before anything else."""
    (folder / "sitecustomize.py").write_text(code)
    return folder


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "import engine.provenance as p; p.ENGINE_VERSION, p.NUMPY_VERSION = '0.9.0', '1.2'\n",
            f"it has engine 0.9.0 instead of {ENGINE_VERSION}, numpy 1.2 instead of",
        ),
        (
            "import engine.provenance\nengine.provenance.arithmetic = lambda: 'other'\n",
            "it has arithmetic other instead of",
        ),
        (
            "import sys\nsys.modules['engine'] = None\n",
            "Whoever runs it installs the same version of valor-ivx-server there.",
        ),
    ],
)
def test_a_cluster_that_would_compute_other_numbers_is_refused(
    tmp_path: Path, connect: Connect, code: str, says: str
) -> None:
    with local_cluster(workers=1, path=other_world(tmp_path, code)) as local:
        with pytest.raises(ClusterUnfit) as no:
            connect(local).threads()
        assert says in no.value.message
        with pytest.raises(ClusterUnfit), connect(local).crew(never):
            pass


def test_a_worker_that_came_later_and_would_compute_other_numbers_is_refused(
    tmp_path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at the cluster is over, and then there is another worker."""
    code = "import engine.provenance\nengine.provenance.STREAM_VERSION = 99\n"
    monkeypatch.setattr(Cluster, "_check", lambda _self, _client: 1)
    with (
        local_cluster(workers=1, path=other_world(tmp_path, code)) as local,
        pytest.raises(ClusterUnfit, match="stream 99 instead of"),
        connect(local).crew(never) as (crew, stopped),
    ):
        digest(spec(200_000), crew, stopped)


# Over TLS


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, str]:
    """Files of an authority of the test's own and of one key that it signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    authority, ours = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )

    def signed(key: ec.EllipticCurvePrivateKey, of: str, *, root: bool) -> bytes:
        made = (
            x509.CertificateBuilder()
            .subject_name(name(of))
            .issuer_name(name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
            .sign(authority, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    pem = ours.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    files = {
        "ca": signed(authority, "authority", root=True),
        "cert": signed(ours, "ours", root=False),
        "key": pem,
    }
    for file, content in files.items():
        (tmp_path / f"{file}.pem").write_bytes(content)
    return {file: str(tmp_path / f"{file}.pem") for file in files}


def test_a_cluster_over_tls_computes_the_same_for_whoever_has_a_certificate(
    certificates: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, cert, key = certificates["ca"], certificates["cert"], certificates["key"]
    tls = {"tls_ca_file": ca}
    for role in ("scheduler", "worker", "client"):
        tls |= {f"tls_{role}_cert": cert, f"tls_{role}_key": key}
    with local_cluster(workers=1, tls=tls) as local:
        assert local.address.startswith("tls://")
        known = ClusterPlace(address=local.address, ca_file=ca, cert_file=cert, key_file=key)
        cluster = Cluster(known)
        with cluster.crew(never) as (crew, stopped):
            assert digest(spec(100_000), crew, stopped) == digest(spec(100_000))
        cluster.close()
        plain = local.address.replace("tls://", "tcp://")
        monkeypatch.setattr(module, "CONNECT_S", 1.0)
        with pytest.raises(ClusterLost, match="does not answer"):
            Cluster(ClusterPlace(address=plain)).threads()


def test_files_that_are_no_certificates_are_a_clear_no(tmp_path: Path) -> None:
    nothing = str(tmp_path / "none.pem")
    place = ClusterPlace(
        address="tls://127.0.0.1:1", ca_file=nothing, cert_file=nothing, key_file=nothing
    )
    with pytest.raises(
        ClusterUnfit, match=r"certificates of the cluster cannot be used.*none\.pem"
    ):
        Cluster(place).threads()
