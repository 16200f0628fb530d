"""`valor billing reconcile`: what the provider lists beside what tenants have."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.settings import Settings
from api.terminals.cli import main
from store.database import Database
from store.directory import Directory
from tests.served import OURS, prepare

ROOT = Path(__file__).parents[4]
LISTED = json.loads((ROOT / "tests/data/billing/export.json").read_text())["data"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of two tenants, of whom one is known to the provider."""
    monkeypatch.setenv("VALOR_HOME", str(tmp_path))
    monkeypatch.setenv("VALOR_BILLING_PRICES", str(ROOT / "examples/billing/prices.json"))
    settings = Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True)

    async def begin() -> None:
        await prepare(settings)
        database = Database.open(settings.database_url)
        await Directory(database).put("CUSTOMER", "cus_Tk30", OURS)
        await database.close()

    asyncio.run(begin())
    return tmp_path


def reconcile(home: Path, listed: object, *options: str) -> Result:
    file = home / "list.json"
    file.write_text(listed if isinstance(listed, str) else json.dumps(listed))
    return CliRunner().invoke(main, ["billing", "reconcile", str(file), "--dev", *options])


def test_what_differs_is_said_and_mended_on_request(home: Path) -> None:
    ours = [each for each in LISTED if each["customer"] == "cus_Tk30"]
    said = reconcile(home, {"data": ours})
    assert said.exit_code == 1
    assert f"cus_Tk30 (tenant {OURS}): here there is no subscription" in said.output
    assert "1 differ. --apply takes the list for what is paid." in said.output
    again = reconcile(home, ours)  # it was said, and nothing else
    assert again.output == said.output
    mended = reconcile(home, ours, "--apply")
    assert (mended.exit_code, mended.output.splitlines()[-1]) == (
        0,
        "1 of 1 were mended; the rest is for a person to mend.",
    )
    same = reconcile(home, ours)
    assert (same.exit_code, same.output) == (0, "Nothing differs: 2 subscriptions were compared.\n")
    stranger = reconcile(home, LISTED, "--apply")
    assert stranger.exit_code == 1
    assert "cus_Nobody (no tenant): nobody here knows whose customer this is" in stranger.output


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("{", "is no JSON"),
        ("7", "holds a list of subscriptions"),
        ([{"object": "customer"}], "Entry 1 is no subscription."),
        ([{"status": "active"}], "Entry 1 names no customer."),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_words(home: Path, listed: object, said: str) -> None:
    no = reconcile(home, listed)
    assert no.exit_code == 1
    assert said in no.output
    assert "Traceback" not in no.output
