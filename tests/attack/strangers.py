"""Every place in the schema that takes an id, asked with another tenant's ids of every kind.

The places are read off the schema, so that a field which is added tomorrow is asked tomorrow. An
answer must be, to the byte, the one that an id gets which never was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import yaml
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from resolvers.ids import _parts, global_id
from tests.attack.answers import Answer
from tests.attack.corpus import Attack
from tests.attack.parts import filled
from tests.attack.sending import OTHER_SENDERS, exchanged, known, post, posted
from tests.attack.verdicts import Verdict, fits
from tests.attack.world import World
from tests.the_schema import GRAPHQL

SEEDS: Final = yaml.safe_load(Path(__file__).with_name("seeds.yaml").read_text("utf-8"))
RIGHT: Final = frozenset({"200 NOT_FOUND", "200 data", "200 FORBIDDEN", "403 FORBIDDEN"})
# An id of another kind may be refused before it is looked for; a test sees that not all are.
NOT_LOOKED_FOR: Final = frozenset({"200 QUERY_INVALID", "200 INVALID_INPUT", "200 UNSUPPORTED"})
_PLAIN: Final = {
    "Int": "1",
    "Float": "0.1",
    "Boolean": "false",
    "Date": '"2024-09-27"',
    "DateTime": '"2030-01-01T00:00:00Z"',
}
_LEADS: Final[Mapping[str, str]] = SEEDS["leads"]
_DEPTH: Final = 4


async def seeded(world: World) -> dict[str, str]:
    """Make what both tenants have; names to ids, the other's with ``theirs-`` before them."""
    found: dict[str, str] = {}
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for tenant, canary, before in (("ours", "OWN", ""), ("theirs", "CANARY", "theirs-")):
        mine: dict[str, str] = {}
        local = World(world.origin, world.issuer, found=mine)
        for step in SEEDS["made"]:
            given = step["body"] if "path" in step else step.get("variables", {})
            written = json.dumps(filled(given)).replace("CANARY", canary)
            written = written.replace('"NUMBER"', "11.0" if before else "10.0")
            variables = known(local, json.loads(written))
            if "path" in step:
                payload = posted(step["path"], variables)
            else:
                text = step["query"].replace("CANARY", canary).replace("IN-AN-HOUR", in_an_hour)
                body = json.dumps({"query": text, "variables": variables}).encode()
                payload = post(world, body, (), step.get("as", f"{tenant}-owner"))
            (answer,) = await exchanged(world, payload)
            for name, path in step.get("take", {}).items():
                mine[name] = _taken(answer, path)
        found |= {before + name: value for name, value in mine.items()}
    return found


def _taken(answer: Answer, path: str) -> str:
    """
    Raises:
        LookupError: if it is not there, with what is.
    """
    value: Any = json.loads(answer.body)
    for part in path.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, TypeError, IndexError):
            raise LookupError(f"no {path} in {answer.body[:600]}") from None
    return str(value)


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in the schema where an id can be given."""

    name: str  # Mutation.editModel(id)
    document: str  # with $it there
    type: str  # that the variable is declared with
    lead: str  # "" for an id; else the argument's name


def places() -> Iterator[Place]:
    """All that can be reached."""
    for parent, way in ways().items():
        kind = GRAPHQL.type_map[parent]
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            for argument, given in field.args.items():
                for path, lead, type_ in _targets(argument, given.type):
                    literal = arguments_with(f"{parent}.{name}", field, argument, path)
                    if way.count("%s") != 1:
                        continue
                    asked = way % f"{name}({literal}) {selected(field)}"
                    yield Place(
                        f"{parent}.{name}({'.'.join((argument, *path))})", asked, type_, lead
                    )


def in_vain(verdicts: Iterable[Verdict]) -> set[str]:
    """Places at which no id was looked for: what stands beside it was refused first."""
    asked: dict[str, bool] = {}
    for verdict in verdicts:
        if verdict.attack.kind == "stranger" and not verdict.attack.given["lead"]:
            place = verdict.attack.name.partition(" with ")[0]
            right = fits(verdict.answers[-1], RIGHT)
            asked[place] = asked.get(place, False) or right
    return {place for place, right in asked.items() if not right}


def unreached() -> set[str]:
    """Fields that take an id and that nothing leads to by reading."""
    reached = ways()
    return {
        f"{kind.name}.{name}"
        for kind in GRAPHQL.type_map.values()
        if isinstance(kind, GraphQLObjectType) and kind.name not in reached
        for name, field in kind.fields.items()
        for argument, given in field.args.items()
        if any(True for _ in _targets(argument, given.type))
    }


@cache
def ways() -> Mapping[str, str]:
    """A document for each type that one gets to, with %s where its fields are to stand."""
    found: dict[str, str] = {}
    for root, word in (
        ("Query", "query"),
        ("Mutation", "mutation"),
        ("Subscription", "subscription"),
    ):
        found[root] = f"{word} {{ %s }}"
    level = [("Query", "{ %s }")]
    for kind in GRAPHQL.type_map.values():  # by an id of our own
        nodes = isinstance(kind, GraphQLObjectType) and any(
            each.name == "Node" for each in kind.interfaces
        )
        if nodes:
            level.append(
                (kind.name, f'{{ node(id: "own {kind.name}") {{ ... on {kind.name} {{ %s }} }} }}')
            )
            found.setdefault(kind.name, level[-1][1])
    for _ in range(_DEPTH):
        further = []
        for name, way in level:
            kind = GRAPHQL.type_map[name]
            assert isinstance(kind, GraphQLObjectType)
            for field_name, field in kind.fields.items():
                if any(map(is_required_argument, field.args.values())):
                    continue
                inner = get_named_type(field.type)
                for member in _members(inner):
                    if member.name in found:
                        continue
                    inside = "%s" if member is inner else f"... on {member.name} {{ %s }}"
                    found[member.name] = way % f"{field_name} {{ {inside} }}"
                    further.append((member.name, found[member.name]))
        level = further
    return found


def _members(kind: Any) -> list[GraphQLObjectType]:
    if isinstance(kind, GraphQLObjectType):
        return [kind]
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        return list(GRAPHQL.get_possible_types(kind))
    return []


def _targets(
    argument: str, type_: Any, path: tuple[str, ...] = (), seen: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Where below an argument an id can stand: the path, how one is led, and the declared type."""
    named = get_named_type(type_)
    name = path[-1] if path else argument
    if named.name == "ID" and name not in SEEDS["keys"]:
        yield path, "", "ID!"
    elif named.name == "String" and name in _LEADS:
        yield path, name, "String!"
    elif isinstance(named, GraphQLInputObjectType) and named.name not in seen:
        for inner, field in named.fields.items():
            yield from _targets(inner, field.type, (*path, inner), (*seen, named.name))


def arguments_with(place: str, field: GraphQLField, target: str, path: tuple[str, ...]) -> str:
    told = []
    for name, argument in field.args.items():
        if name == target:
            told.append(f"{name}: {_literal(argument.type, name, path)}")
        elif is_required_argument(argument):
            said = SEEDS["arguments"].get(f"{place}.{name}")
            told.append(f"{name}: {said or _literal(argument.type, name, None)}")
    return ", ".join(told)


def _literal(type_: Any, name: str, path: tuple[str, ...] | None) -> str:
    """A value of a type; with a path, ``$it`` stands at its end."""
    if is_non_null_type(type_):
        return _literal(type_.of_type, name, path)
    if is_list_type(type_):
        return f"[{_literal(type_.of_type, name, path)}]"
    if path == ():
        return "$it"
    if path is None and type_.name in SEEDS["arguments"]:
        return str(SEEDS["arguments"][type_.name])
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        target = path[0] if path else None
        fields = {
            key: _literal(inner.type, key, path[1:] if path and key == target else None)
            for key, inner in type_.fields.items()
            if key == target or (is_required_input_field(inner) and not type_.is_one_of)
        }
        if type_.is_one_of and not fields:
            key, inner = next(iter(type_.fields.items()))
            fields = {key: _literal(inner.type, key, None)}
        return "{" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}"
    if name in SEEDS["keys"]:
        return "$op"
    return _PLAIN.get(type_.name, '"x"')


def readings(world: World) -> Iterator[Attack]:
    """Everything that can be read without an id, by both tenants; neither hears of the other."""
    query = GRAPHQL.query_type
    assert query is not None
    asked = {
        f"Query.{name}": f"{{ {name} {all_of(field.type)} }}"
        for name, field in query.fields.items()
        if not any(map(is_required_argument, field.args.values()))
    }
    for name, way in ways().items():
        if 'node(id: "own' in way and way.count("{") == 3:
            asked[name] = way % all_of(GRAPHQL.type_map[name], 2)[1:-1]
    for name, text in asked.items():
        for who in ("ours-owner", "ours-viewer"):
            yield Attack(
                theme="tenants",
                name=f"all of {name}, by {who}",
                tries="to be shown what another tenant has",
                kind="reading",
                given={"document": text, "as": who},
                back=frozenset({"200"}),
            )


def all_of(type_: Any, depth: int = 3) -> str:
    """A selection of everything below a field that needs no arguments."""
    kind = get_named_type(type_)
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        return "{ __typename }"  # its members are types of their own, with ways of their own
    if not isinstance(kind, GraphQLObjectType):
        return ""
    told = ["__typename"]
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if any(map(is_required_argument, field.args.values())):
            continue
        if isinstance(inner, GraphQLObjectType) and depth > 1:
            told.append(f"{name} {all_of(inner, depth - 1)}")
        elif not isinstance(inner, GraphQLObjectType | GraphQLUnionType | GraphQLInterfaceType):
            told.append(name)
    return "{ " + " ".join(told) + " }"


async def read(world: World, attack: Attack) -> list[Answer]:
    """One reading; foreign ids are looked for in it, which CANARY is not."""
    text = with_own(world, attack.given["document"])
    body = json.dumps({"query": text}).encode()
    (answer,) = await exchanged(world, post(world, body, (), attack.given["as"]))
    for name, id_ in world.found.items():
        if name.startswith("theirs-") and id_ in answer.body:
            return [Answer(0, "", f"shows {name}: {answer.body[:300]}")]
    return [answer]


def selected(field: GraphQLField) -> str:
    """What is asked of the answer: which it is, and the words of a no."""
    kind = get_named_type(field.type)
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return "{ __typename }"
    if isinstance(kind, GraphQLUnionType):
        no = "... on Refusal { code message issues { path code message suggestion } }"
        return f"{{ __typename {no if any(t.name == 'Refusal' for t in kind.types) else ''} }}"
    return ""


def strangers(world: World) -> Iterator[Attack]:
    """Every place, with every id of the other tenant's."""
    theirs = {
        name: id_
        for name, id_ in world.found.items()
        if name.startswith("theirs-") and "secret" not in name
    }
    for place in places():
        if place.lead:
            lead = _LEADS[place.lead]
            ids = {place.lead: known(world, lead.replace("@", "@theirs-"))}
        else:
            ids = theirs
        for name, id_ in ids.items():
            yield Attack(
                theme="tenants",
                name=f"{place.name} with {name}",
                tries="to reach what another tenant has",
                kind="stranger",
                given={
                    "document": place.document,
                    "type": place.type,
                    "id": id_,
                    "lead": place.lead,
                },
                back=RIGHT | NOT_LOOKED_FOR,
            )


async def asked(world: World, attack: Attack) -> list[Answer]:
    """The answer to the other's id, if it is that to an id that never was; else, that it is not."""
    given = attack.given
    theirs = await _answer(world, given, given["id"])
    nobodys = await _answer(world, given, never(given["id"]))
    if _plain(theirs, given["id"]) != _plain(nobodys, never(given["id"])):
        return [Answer(0, "", f"told apart: {theirs.body[:200]} from {nobodys.body[:200]}")]
    return [theirs]


async def _answer(world: World, given: Mapping[str, Any], id_: str) -> Answer:
    document = with_own(world, given["document"])
    variables = {"it": id_}
    declared = f"$it: {given['type']}"
    if "$op" in document:
        declared += ", $op: ID!"
        variables["op"] = str(uuid4())
    word, _, rest = document.partition("{")
    text = f"{word.strip() or 'query'} ({declared}) {{{rest}"
    headers = ["accept: text/event-stream"] if word.startswith("subscription") else []
    body = json.dumps({"query": text, "variables": variables}).encode()
    return (await exchanged(world, post(world, body, headers, "ours-owner")))[0]


def with_own(world: World, document: str) -> str:
    """A document with ids of what is ours."""
    return re.sub(r'"own (\w+)"', lambda found: json.dumps(_own(world, found[1])), document)


def _own(world: World, type_: str) -> str:
    """An id of our own, of a type."""
    for name, id_ in world.found.items():
        if not name.startswith("theirs-") and _parts(id_)[0] == type_:
            return id_
    return f"there is no {type_} in seeds.yaml"


def never(id_: str) -> str:
    """An id of the same form that never was."""
    type_, inner = _parts(id_)
    other = re.sub(r"[0-9a-f]", lambda digit: format(15 - int(digit[0], 16), "x"), inner)
    if type_ and other != inner:
        return str(global_id(type_, other))
    return (
        re.sub(r"[0-9A-Za-z]", lambda letter: "Z" if letter[0] != "Z" else "Y", id_[:-1]) + id_[-1]
    )


def _plain(answer: Answer, id_: str) -> tuple[int, str]:
    """What an answer tells, without what differs from one request to the next."""
    body = answer.body.replace(id_, "ID").replace(_parts(id_)[1] or id_, "ID")
    body = re.sub(r'"(requestId|traceId)":"[^"]*"', "", body)
    return answer.status, re.sub(r'"cost":\{[^{}]*\}', "", body)


OTHER_SENDERS["stranger"] = asked
OTHER_SENDERS["reading"] = read
