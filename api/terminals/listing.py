"""`valor models`: what there is, and what it is worth."""

from __future__ import annotations

from typing import Final

from api.embedded import Embedded
from api.terminals.headline import FRAGMENT, headline

PAGE: Final = """
query Models($after: String) {
  models(first: 50, after: $after, orderBy: {field: NAME, direction: ASC}) {
    edges { node { id name kind revision } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
WORTH: Final = (
    FRAGMENT
    + """
mutation Worth($id: ID!) {
  valueModel(id: $id) {
    __typename
    ...Headline
    ... on Refusal { code }
  }
}
"""
)
EMPTY: Final = "There are no models. The demo makes one: valor demo"


async def listed(embedded: Embedded) -> list[str]:
    """A line for each model, by name: id, name, kind, revision, value; tabs between."""
    lines, after, more = [], None, True
    while more:
        page = (await embedded.data(PAGE, {"after": after}))["models"]
        for edge in page["edges"]:
            model = edge["node"]
            worth = (await embedded.data(WORTH, {"id": model["id"]}))["valueModel"]
            value = worth["code"] if worth["__typename"] == "Refusal" else headline(worth)
            told = (model["id"], model["name"], model["kind"], str(model["revision"]), value)
            lines.append("\t".join(told))
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    return lines or [EMPTY]
