"""schemathesis reads the live schema and asks whatever it allows: nothing of it is a fault of ours.

It knows nothing of this product but what introspection says, and draws documents and variables that
nobody here would think of. Bounded, and the same each time: `VALOR_SCHEMATHESIS` asks more often.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import hypothesis
import pytest
import schemathesis
from graphql import (
    FloatValueNode,
    GraphQLScalarType,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
)
from hypothesis import strategies as st

from tests.attack.answers import Answer, said
from tests.attack.verdicts import LEAKS
from tests.attack.world import World, standing
from tests.the_schema import GRAPHQL

EXAMPLES: Final = int(os.environ.get("VALOR_SCHEMATHESIS", "2"))  # of each field of the roots
_TEXT: Final = st.text(max_size=20)
# How a document writes what GraphQL itself does not know. What is of no use is drawn too.
SCALARS: Final[dict[str, st.SearchStrategy[ValueNode]]] = {
    "Date": st.dates().map(lambda day: StringValueNode(value=day.isoformat())),
    "DateTime": st.datetimes().map(lambda at: StringValueNode(value=f"{at.isoformat()}Z")),
    "FloatSeries": st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5).map(
        lambda each: ListValueNode(
            values=tuple(FloatValueNode(value=repr(number)) for number in each)
        )
    ),
}
_OTHERWISE: Final = st.one_of(
    _TEXT.map(lambda text: StringValueNode(value=text)),
    st.just(ObjectValueNode(fields=())),
    st.just(ListValueNode(values=())),
)
BUILT_IN: Final = {"Int", "Float", "String", "Boolean", "ID"}
# Subscriptions have no end, and are asked by tests/flows/test_streams.py.
ROOTS: Final = ("Query", "Mutation")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with standing(tmp_path_factory.mktemp("drawn")) as world:
        yield world


@pytest.fixture(scope="module")
def drawn_from(world: World) -> Any:
    for name, kind in GRAPHQL.type_map.items():
        if isinstance(kind, GraphQLScalarType) and name not in BUILT_IN:
            schemathesis.graphql.scalar(name, SCALARS.get(name, _OTHERWISE))
    headers = {"authorization": f"Bearer {world.token('owner')}"}
    return schemathesis.graphql.from_url(f"{world.origin}/graphql", headers=headers)


def test_whatever_the_schema_allows_has_an_answer(
    drawn_from: Any, world: World, record_property: Callable[[str, object], None]
) -> None:
    told: Counter[str] = Counter()
    headers = {"authorization": f"Bearer {world.token('owner')}"}

    def ask(case: Any) -> None:
        response = case.call(headers=headers)
        answer = Answer(response.status_code, str(response.headers), response.text)
        assert response.status_code < 500, (case.body, response.text)
        assert said(response.text) != "INTERNAL", (case.body, response.text)
        told[answer.words] += 1
        # What came in a document may be said back; a word of ours that it does not hold may not.
        leak = LEAKS.search(answer.text)
        assert leak is None or leak[0] in json.dumps(case.body, ensure_ascii=False), answer.text

    fields = 0
    for operation in drawn_from.get_all_operations():
        found = operation.ok()
        if found is None or found.label.split(".")[0] not in ROOTS:
            continue
        fields += 1
        settings = hypothesis.settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        settings(hypothesis.given(found.as_strategy())(ask))()
    assert fields >= 40
    record_property("says", f"schemathesis: {fields} fields, {told.total()} requests, {dict(told)}")
