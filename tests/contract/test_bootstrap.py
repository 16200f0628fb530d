"""From a fresh clone to a running server: dev.py, and the lists that it installs."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dev

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LISTS = ("run", "test", "build", "cluster")


def locked(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """A requirements list: package → what is pinned, and the hashes of its files."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    entries = [re.split(r"\s+--hash=", line.strip()) for line in text.splitlines() if line.strip()]
    pinned = [(Requirement(words), hashes) for words, *hashes in entries]
    return {canonicalize_name(entry[0].name): entry for entry in pinned}


def run_dev(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / "dev.py", *arguments], capture_output=True, text=True
    )


# The lists


@pytest.mark.parametrize("name", LISTS)
def test_every_locked_package_is_one_version_with_hashes(name: str) -> None:
    for package, (pin, hashes) in locked(name).items():
        assert re.fullmatch(r"==[^*]+", str(pin.specifier)), package
        assert hashes, package
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), package


@pytest.mark.parametrize("name", LISTS)
def test_a_list_holds_packages_and_no_address_or_option(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert set(re.findall(r"(?:^|\s)(-\S+?)(?:[=\s]|$)", text)) == {"--hash"}
    assert not re.search(r"://|#|@", text)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("run", PROJECT["project"]["dependencies"]),
        ("test", PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["test"]),
        ("build", PROJECT["build-system"]["requires"]),
        (
            "cluster",
            PROJECT["project"]["dependencies"]
            + PROJECT["project"]["optional-dependencies"]["cluster"],
        ),
    ],
)
def test_what_pyproject_asks_for_is_locked(name: str, wanted: list[str]) -> None:
    pins = locked(name)
    for asked in map(Requirement, wanted):
        pin, _ = pins.get(canonicalize_name(asked.name), (None, None))
        assert pin is not None, f"{asked} is not locked: python3 dev.py lock"
        version = str(pin.specifier).removeprefix("==")
        assert asked.specifier.contains(version, prereleases=True), f"{pin}: python3 dev.py lock"


def test_a_cluster_computes_with_the_very_packages_that_are_tested() -> None:
    """And with the ones that a server without one runs on: another numpy gives other ids."""
    cluster, tested = locked("cluster"), locked("test")
    assert {name: str(pin) for name, (pin, _) in cluster.items()} == {
        name: str(tested[name][0]) for name in cluster
    }
    assert set(locked("run")) <= set(cluster)


def test_the_tests_run_on_the_very_packages_that_the_server_runs_on() -> None:
    tested = locked("test")
    for package, (pin, hashes) in locked("run").items():
        assert (tested[package][0], tested[package][1]) == (pin, hashes)


def test_no_file_of_the_project_names_a_package_registry() -> None:
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("not a git checkout: there is no list of the project's files")
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
    )
    hosts = [(b"pypi", b"org"), (b"pythonhosted", b"org"), (b"npmjs", b"org"), (b"npmjs", b"com")]
    named = re.compile(rb"|".join(name + rb"\." + end for name, end in hosts))
    files = [ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name]
    assert len(files) > 10
    assert [file for file in files if file.is_file() and named.search(file.read_bytes())] == []


# dev.py


def test_dev_py_imports_the_standard_library_alone() -> None:
    imported = set()
    for node in ast.walk(ast.parse((ROOT / "dev.py").read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported - sys.stdlib_module_names == set()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["deploy"], "there is no command 'deploy'"),
        (["check", "api"], "check takes no arguments"),
        (["bench"], "which benchmark?"),
        (["bench", "nothing"], "there is no benchmark 'nothing'"),
    ],
)
def test_a_wrong_command_is_told_what_why_and_how_to_mend_it(
    arguments: list[str], what: str
) -> None:
    done = run_dev(*arguments)
    assert done.returncode == 2
    assert re.fullmatch(
        rf"dev\.py: {re.escape(what)}.*\n  why:  .+\n  mend: python3 dev\.py .+\n", done.stderr
    )


def test_help_names_every_command_and_what_it_is_for() -> None:
    done = run_dev("help")
    assert done.returncode == 0
    assert re.findall(r"^  (\w+) +\w", done.stdout, re.MULTILINE) == list(dev.COMMANDS)


def test_a_clone_without_its_lists_says_how_to_bring_them_back(tmp_path: Path) -> None:
    for name in ("dev.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    done = run_dev("test", root=tmp_path)
    assert done.returncode == 2
    assert "run.txt is missing" in done.stderr
    assert "mend: git checkout -- pyproject.toml requirements" in done.stderr


def test_an_old_python_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "OLDEST_PYTHON", (99, 0))
    assert dev.main(["test"]) == 2
    assert "needs Python 3.11 or newer" in capsys.readouterr().err


def test_a_python_without_pip_and_venv_is_told_the_package_that_brings_them(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "PYTHON", shutil.which("false"))  # cannot import pip, nor make it
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)  # no uv on the PATH
    with pytest.raises(dev.SetupError, match=r"apt-get install python3\.\d+-venv"):
        dev.install("anything")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of another project root, whose Python is the one that runs this."""
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(dev, "STAMP", tmp_path / ".venv/valor-stamp.json")
    monkeypatch.setattr(dev, "LOCK", tmp_path / ".venv.lock")
    monkeypatch.setattr(dev, "PYTHON", Path(sys.executable))
    (tmp_path / ".venv").mkdir()
    return tmp_path


def test_an_environment_for_the_tests_also_serves(environment: Path) -> None:
    dev.stamp("test", "the lists")
    assert dev.fits("run", "the lists")
    assert dev.fits("test", "the lists")
    dev.stamp("run", "the lists")
    assert dev.fits("run", "the lists")
    assert not dev.fits("test", "the lists")


def test_a_change_of_the_lists_is_installed_over_what_is_there(environment: Path) -> None:
    dev.stamp("test", "the lists")
    assert not dev.fits("test", "other lists")
    assert dev.usable()


def test_an_environment_without_a_stamp_is_welcome_if_its_python_runs(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dev.usable()
    monkeypatch.setattr(dev, "PYTHON", environment / "gone")
    assert not dev.usable()


def test_an_interrupted_install_is_begun_anew(environment: Path) -> None:
    dev.stamp("installing", "the lists")
    assert not dev.fits("run", "the lists")
    assert not dev.usable()


@pytest.mark.parametrize("what", ["python", "root"])
def test_an_environment_of_another_python_or_place_is_made_anew(
    environment: Path, what: str
) -> None:
    dev.stamp("test", "the lists")
    dev.STAMP.write_text(json.dumps(dev.stamped() | {what: "another"}))
    assert not dev.fits("test", "the lists")
    assert not dev.usable()


def test_two_at_once_take_turns(environment: Path) -> None:
    shutil.copy(ROOT / "dev.py", environment)
    inside = "import dev\nwith dev.alone(): print('in', flush=True)"
    with dev.alone():
        other = subprocess.Popen(
            [sys.executable, "-c", inside],
            cwd=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert other.stderr is not None
        assert "waiting" in other.stderr.readline()
        assert other.poll() is None
    assert other.communicate(timeout=30)[0] == "in\n"


def test_children_write_bytecode_and_find_the_environment_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    given = dev.surroundings()
    assert not {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"} & given.keys()
    assert given["PATH"].split(os.pathsep)[0] == str(dev.BIN)
