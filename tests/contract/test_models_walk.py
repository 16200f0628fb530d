"""What the page on models shows can be asked in its order, and is answered as it says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from resolvers.model_inputs import EditValue, ModelInputs
from services.contents import NAME_MOST
from services.edits import CHANGES_MOST, EDITS_MOST, SCENARIOS_BYTES, SCENARIOS_MOST
from services.financial_models import EDITS_AT_ONCE, EDITS_PER_SECOND
from services.plans import LIMITS, Plan
from services.words import camel
from tests.live_server import LiveServer
from tests.pages import DOCS, EXAMPLES, FENCE, SPAN, prose, table, text_of
from tests.served import NO_TLS

PAGE = DOCS / "models.md"
VARIABLES = frozenset(
    {"id", "input", "operationId", "edits", "scenario", "first", "after", "colleague"}
)


@dataclass
class Call:
    """A document of the page, the variables after it, and the answer that is shown, if any."""

    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    shown: Any = None

    @property
    def name(self) -> str:
        return self.query.split()[1].partition("(")[0]


def calls() -> list[Call]:
    """Everything on the page in its order. Variables alone ask the document before them again."""
    found: list[Call] = []
    for language, body in FENCE.findall(text_of(PAGE)):
        if language == "graphql":
            found.append(Call(body))
        elif (given := json.loads(body)).keys() <= VARIABLES:
            if found[-1].variables:
                found.append(Call(found[-1].query))
            found[-1].variables = given
        else:
            found[-1].shown = given
    return found


def without_what_differs(shown: Any, answer: Any) -> Any:
    """The answer with “…” wherever the page shows that."""
    if shown == "…":
        return shown if answer else answer
    if isinstance(shown, dict) and isinstance(answer, dict):
        return {key: without_what_differs(shown.get(key), value) for key, value in answer.items()}
    if isinstance(shown, list) and isinstance(answer, list) and len(shown) == len(answer):
        return [without_what_differs(*pair) for pair in zip(shown, answer, strict=True)]
    return answer


@pytest.fixture(scope="module")
def walked(live_server: LiveServer) -> list[tuple[Call, dict[str, Any]]]:
    """Each call with what the server answered."""
    bearer = {"authorization": f"Bearer {live_server.token}"}
    done, model = [], ""
    with httpx.Client(headers=bearer, timeout=60.0, verify=NO_TLS) as client:
        for call in calls():
            variables = dict(call.variables)
            if "$id" in call.query:
                variables["id"] = model
            if "$colleague" in call.query:
                variables["colleague"] = colleague(client, live_server.graphql)
            if "input" in variables:
                apple = variables["input"]["inputs"]["dcf"].removeprefix("examples/")
                document = json.loads((EXAMPLES / apple).read_text("utf-8"))
                variables["input"]["inputs"]["dcf"] = document
            request = {"query": call.query, "variables": variables}
            answer = client.post(live_server.graphql, json=request).json()
            assert "errors" not in answer, answer
            done.append((call, answer["data"]))
            model = model or answer["data"]["createModel"]["id"]
    return done


def colleague(client: httpx.Client, url: str) -> str:
    """A member of the tenant; there is but one, who owns every model anyway."""
    query = "{ tenant { members { id } } }"
    members = client.post(url, json={"query": query}).json()["data"]["tenant"]["members"]
    return str(members[0]["id"])


def test_every_call_of_the_page_is_answered_as_it_is_shown(
    walked: list[tuple[Call, dict[str, Any]]],
) -> None:
    assert [call.name for call, _ in walked] == [
        *(
            "Make",
            "Edit",
            "Edit",
            "Edit",
            "Edit",
            "Value",
            "Past",
            "Restore",
            "Models",
            "Tidy",
            "Share",
        )
    ]
    shown = [(call.shown, *data.values()) for call, data in walked if call.shown is not None]
    assert len(shown) == 4
    for expected, answer in shown:
        assert without_what_differs(expected, answer) == expected
    for call, data in walked:
        assert call.shown is not None or "code" not in json.dumps(data), data


def test_the_values_and_the_words_of_the_page_are_the_servers(
    live_server: LiveServer, walked: list[tuple[Call, dict[str, Any]]]
) -> None:
    answers = {call.name: data for call, data in walked}
    bear = answers["Value"]["valueModel"]["valuePerShare"]
    told = re.search(r"worth ([\d.]+) dollars a share, the bear case ([\d.]+)\.", text_of(PAGE))
    assert told is not None
    restored = answers["Restore"]["restoreRevision"]
    model = answers["Past"]["model"]
    assert model["revision"] == 3
    quoted = re.findall(r"^> - (.+)$", text_of(PAGE), re.MULTILINE)
    assert [change["text"] for change in model["changes"]] == quoted
    assert restored["model"]["inputs"] == model["atRevision"]["inputs"]
    copy = answers["Tidy"]["duplicateModel"]["id"]  # as revision 2 left it: the base case
    asked = {
        "query": "mutation ($id: ID!) { valueModel(id: $id) { "
        "... on DcfValuation { valuePerShare } } }",
        "variables": {"id": copy},
    }
    bearer = {"authorization": f"Bearer {live_server.token}"}
    base = httpx.post(
        live_server.graphql, json=asked, headers=bearer, timeout=60.0, verify=NO_TLS
    ).json()["data"]["valueModel"]
    assert (told[1], told[2]) == (f"{base['valuePerShare']:.2f}", f"{bear:.2f}")


def test_the_limits_of_the_page_are_those_of_the_product() -> None:
    most = dict(tuple(row) for row in table(PAGE, "what | most"))
    free, pro = LIMITS[Plan.FREE].models, LIMITS[Plan.PRO].models
    assert most["models of a tenant that are not archived"].startswith(
        f"{free} on FREE, {pro:,} on PRO;"
    )
    assert most["edits in one call"] == f"{EDITS_MOST}"
    assert most["operations on one model by one member"].startswith(
        f"{EDITS_PER_SECOND:g} a second, {EDITS_AT_ONCE} at once;"
    )
    assert most["scenarios of a model, changes of a scenario"] == (
        f"{SCENARIOS_MOST}, {CHANGES_MOST}, and all of them {SCENARIOS_BYTES // 1024} KiB as JSON"
    )
    assert most["a name"].startswith(f"{NAME_MOST} ")


def test_every_kind_of_model_and_every_value_of_an_edit_is_told() -> None:
    """So that whoever adds a kind says how its lists are edited."""
    spans = set(re.findall(r"\w+", " ".join(SPAN.findall(prose(PAGE)))))
    for told in (ModelInputs, EditValue):
        fields = {camel(name) for name in told.__dataclass_fields__ if name != "given"}
        assert fields - spans == set(), told
