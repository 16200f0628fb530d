"""An exported audit is whole, or the first thing that is wrong with it is said."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from joserfc.jwk import OKPKey

from services.audit_export import COLUMNS, csv_text
from services.audit_form import hash_of
from services.audit_lines import LINE_MOST, NoProof, NotWhole, heads_in, keys_in, texts_in
from services.audit_verification import verify
from tests.mirror.services.audited import (
    KEY,
    OURS,
    STRANGER,
    THEIRS,
    Line,
    chain,
    checked,
    copied,
    exported,
    head,
    texts,
)

LINKS = chain(8)
WHOLE = exported(LINKS, head(LINKS[2]), head(LINKS[6]))


def event(lines: list[Line], seq: int) -> dict[str, Any]:
    return next(line["event"] for line in lines if line.get("event", {}).get("seq") == seq)


def place(lines: list[Line], seq: int) -> int:
    return next(i for i, line in enumerate(lines) if line.get("event", {}).get("seq") == seq)


def rehashed(lines: list[Line], first: int) -> None:
    """Make every hash from an event on what it should be, as whoever writes the database could."""
    previous = event(lines, first - 1)["hash"] if first > 1 else "0" * 64
    for line in lines[place(lines, first) :]:
        if "event" in line:
            told = line["event"]
            told["previous"] = previous
            told["hash"] = previous = hash_of(
                {name: value for name, value in told.items() if name != "hash"}
            )
    lines[-1]["end"]["hash"] = previous


def says(lines: list[Line], *heads: str) -> str:
    with pytest.raises(NotWhole) as no:
        checked(lines, *heads)
    return str(no.value)


def test_a_whole_chain_holds_and_is_told_of() -> None:
    found = checked(WHOLE)
    assert (found.events, found.first, found.last, found.heads, found.signed) == (8, 1, 8, 2, 7)
    assert list(found.lines())[-1] == (
        "2 signed heads lie on it, the newest at event 7. What comes after it (1) is signed later."
    )


def test_an_empty_audit_holds() -> None:
    assert checked(exported([])).events == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tenant", str(THEIRS)),
        ("id", "00000000-0000-0000-0000-00000000000f"),
        ("at", "2026-03-01T12:00:04.000001Z"),
        ("actorKind", "SYSTEM"),
        ("actor", None),
        ("action", "model.listed"),
        ("subjectKind", "models"),
        ("subject", "model-9"),
        ("operationId", None),
        ("session", None),
        ("details", '{"seq":5}'),
        ("previous", "f" * 64),
        ("hash", "f" * 64),
    ],
)
def test_no_field_can_be_changed(name: str, value: object) -> None:
    lines = copied(WHOLE)
    assert event(lines, 4)[name] != value
    event(lines, 4)[name] = value
    said = says(lines)
    assert said.startswith(f"Line {place(lines, 4) + 1}: ")
    assert "event 4" in said


def test_the_number_of_an_event_cannot_be_changed() -> None:
    lines = copied(WHOLE)
    event(lines, 4)["seq"] = 40
    assert "events 4 to 39 are missing before event 40" in says(lines)


def test_an_event_that_was_dropped_is_missed() -> None:
    lines = copied(WHOLE)
    del lines[place(lines, 5)]
    assert "event 5 is missing before event 6" in says(lines)


def test_an_event_that_was_dropped_is_missed_though_all_was_numbered_anew() -> None:
    lines = exported([*LINKS[:4], *chain(7)[4:]], head(LINKS[2]), head(LINKS[6]))
    for line in lines[place(lines, 5) :]:
        if "event" in line:
            line["event"]["details"] = "{}"
    rehashed(lines, 5)
    assert "the chain was rewritten: a signed head has another hash for event 7" in says(lines)


def test_events_in_another_order_are_noticed() -> None:
    lines = copied(WHOLE)
    one, other = place(lines, 4), place(lines, 5)
    lines[one], lines[other] = lines[other], lines[one]
    assert "event 4 is missing before event 5" in says(lines)


def test_an_event_that_stands_there_twice_is_noticed() -> None:
    lines = copied(WHOLE)
    lines.insert(place(lines, 5), lines[place(lines, 4)])
    assert "event 4 stands where event 5 should be" in says(lines)


def test_an_event_that_was_inserted_breaks_the_signed_chain() -> None:
    lines = copied(WHOLE)
    new = {**event(lines, 4), "id": "00000000-0000-0000-0000-0000000000ff"}
    lines.insert(place(lines, 4) + 1, {"event": new})
    for line in lines[place(lines, 4) + 1 :]:
        if "event" in line:
            line["event"]["seq"] += 1
    rehashed(lines, 5)
    lines[-1]["end"] |= {"events": 9, "seq": 9}
    assert "the head at event 7" in says(lines) or "rewritten" in says(lines)


def test_an_event_that_follows_from_another_one_is_no_part_of_the_chain() -> None:
    lines = copied(exported(LINKS))
    told = event(lines, 5)
    told["previous"] = "f" * 64
    told["hash"] = hash_of({name: value for name, value in told.items() if name != "hash"})
    rehashed(lines, 6)
    assert "event 5 does not follow from event 4: the hash that it names is another one" in says(
        lines
    )


def test_a_chain_that_was_rewritten_to_its_end_is_found_by_a_head() -> None:
    lines = copied(WHOLE)
    event(lines, 2)["actor"] = None
    rehashed(lines, 2)
    assert "the chain was rewritten: a signed head has another hash for event 3" in says(lines)


def test_a_chain_that_was_rewritten_with_its_heads_is_found_by_one_that_was_kept_elsewhere() -> (
    None
):
    lines = [line for line in copied(WHOLE) if "checkpoint" not in line]
    event(lines, 2)["actor"] = None
    rehashed(lines, 2)
    assert checked(lines).events == 8
    kept = head(LINKS[6])["checkpoint"]["signature"]
    assert "the chain was rewritten: a signed head has another hash for event 7" in says(
        lines, kept
    )


def test_a_tail_that_was_cut_off_is_found_by_a_newer_head() -> None:
    for lines, heads in (
        (exported(LINKS[:5], head(LINKS[2]), head(LINKS[6])), ()),
        (exported(LINKS[:5]), (head(LINKS[6])["checkpoint"]["signature"],)),
    ):
        assert (
            "the chain ends at event 5, and a head was signed at event 7 on "
            "2026-03-01T12:00:07.000000Z: its end was cut off"
        ) in says(lines, *heads)


def test_a_file_that_was_cut_off_is_noticed() -> None:
    assert "without its last line: it was cut off" in says(WHOLE[:-1])
    assert "without its last line" in says(WHOLE[:1])
    with pytest.raises(NotWhole, match="It is empty"):
        verify([], KEY.public)


def test_the_last_line_counts() -> None:
    lines = copied(WHOLE)
    del lines[place(lines, 8)]
    assert "the last line tells of 8 events, and 7 are there" in says(lines)
    assert "something follows after the end" in says([*WHOLE, WHOLE[-1]])


def test_a_beginning_that_is_not_there_needs_a_signed_word() -> None:
    assert "the chain begins at event 4, and no signed word says" in says(exported(LINKS[3:]))
    pruned = head(LINKS[2], "PRUNED")
    found = checked(exported(LINKS[3:], pruned, head(LINKS[6])))
    assert (found.pruned, found.first, found.heads) == (3, 4, 1)
    assert "event 4 is missing before event 5" in says(exported(LINKS[4:], pruned))
    forged = head(LINKS[2], "PRUNED", STRANGER)
    assert "the PRUNED checkpoint at event 3 does not hold" in says(exported(LINKS[3:], forged))
    renamed = copied([head(LINKS[2])])[0]
    renamed["checkpoint"]["kind"] = "PRUNED"
    assert "says something else than what was signed" in says(exported(LINKS[3:], renamed))


def test_all_may_have_been_pruned() -> None:
    lines = exported([], head(LINKS[2], "PRUNED"))
    lines[-1]["end"] = {"events": 0, "seq": 3, "hash": LINKS[2].hash}
    assert checked(lines).pruned == 3


def test_another_tenants_events_are_no_part_of_it() -> None:
    theirs = chain(8, THEIRS)
    lines = copied(WHOLE)
    lines[place(lines, 4)] = exported(theirs, tenant_id=THEIRS)[4]
    assert f"event 4 is of another tenant, '{THEIRS}'" in says(lines)


def test_another_tenants_chain_is_not_ours_by_another_name() -> None:
    lines = copied(exported(chain(8, THEIRS), head(LINKS[6]), tenant_id=THEIRS))
    assert "the HEAD checkpoint at event 7 says something else than what was signed" in says(lines)
    kept = head(LINKS[6])["checkpoint"]["signature"]
    assert f"is of tenant {OURS}" in says(exported(chain(8, THEIRS), tenant_id=THEIRS), kept)


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ("", "it is no compact JWS"),
        ("a.b.c", "it is no compact JWS"),
        ("é" * 10, "it is no compact JWS"),
        ("x" * 5_000, "it is too long to be one"),
        (head(LINKS[6], key=STRANGER)["checkpoint"]["signature"], "did not sign it"),
        (head(LINKS[5])["checkpoint"]["signature"], "something else than what was signed"),
        (head(LINKS[6], "PRUNED")["checkpoint"]["signature"], "something else than what was"),
    ],
)
def test_a_signature_cannot_be_forged(forged: str, why: str) -> None:
    lines = copied(WHOLE)
    told = lines[place(lines, 7) + 1]["checkpoint"]
    assert told["seq"] == 7
    told["signature"] = forged
    assert why in says(lines)


def test_a_signature_of_an_unknown_key_does_not_hold() -> None:
    with pytest.raises(NotWhole, match="there is no public key"):
        verify(texts(WHOLE), {})


def test_an_access_token_is_no_head() -> None:
    from services.authentication import Issuer
    from services.principal import Role

    token = Issuer("valor", KEY.key).issue(OURS, OURS, Role.OWNER)
    lines = copied(WHOLE)
    lines[place(lines, 7) + 1]["checkpoint"]["signature"] = token
    assert "it is a signature of something else" in says(lines)


def test_without_keys_signatures_are_said_to_be_unchecked() -> None:
    found = checked(WHOLE, key=None)
    assert (found.unchecked, found.heads) == (2, 0)
    assert any("were not checked" in line for line in found.lines())


def test_a_filtered_export_is_said_to_prove_nothing_by_itself() -> None:
    some = [LINKS[1], LINKS[4], LINKS[7]]
    lines = exported(some, told={"actions": ["model.read"]})
    found = checked(lines)
    assert found.filtered
    assert any("no signature is over those that are there" in line for line in found.lines())
    event(lines, 5)["subject"] = "model-7"
    assert "event 5 was changed" in says(lines)
    assert "stands after event 5" in says(
        exported([LINKS[4], LINKS[1]], told={"actions": ["model.read"]})
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "[]",
        "null",
        "{",
        '{"event": {"seq": NaN}}',
        "[" * 100_000,
        '{"audit": 1, "audit": 1}',
        "x" * 1_000_001,
    ],
)
def test_what_is_no_line_of_an_export_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotWhole, match="Line 1: it is no JSON object of an export"):
        verify([text], KEY.public)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"event": 5},
        {"event": {}},
        {"checkpoint": []},
        {"checkpoint": {"kind": "HEAD", "seq": "7", "hash": "", "at": "", "signature": ""}},
        {"end": None},
        {"end": {}, "more": 1},
        {"audit": 2, "tenant": "x"},
    ],
)
def test_a_line_of_another_form_is_refused(line: Any) -> None:
    assert says([WHOLE[0], line, WHOLE[-1]]).startswith("Line 2: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seq", True),
        ("seq", 0),
        ("seq", 1.0),
        ("at", "2026-03-01"),
        ("actor", 5),
        ("hash", "F" * 64),
    ],
)
def test_a_field_of_another_form_is_refused(name: str, value: object) -> None:
    lines = copied(WHOLE)
    event(lines, 1)[name] = value
    assert "a field of the event is not of its form" in says(lines)


def test_a_name_that_is_given_twice_is_no_json_of_ours() -> None:
    first, second, *rest = texts(WHOLE)
    twice = second.replace('{"event":{', '{"event":{"actor":null,', 1)
    with pytest.raises(NotWhole, match="Line 2: it is no JSON object"):
        verify([first, twice, *rest], KEY.public)


def test_public_keys_are_read_of_a_key_set() -> None:
    audit = {"purpose": "audit"}
    own = KEY.key.as_dict(private=True) | audit
    other = OKPKey.generate_key("X25519").as_dict(private=False) | audit
    of_tokens = OKPKey.generate_key("Ed25519", {"kid": "t"}).as_dict(private=False)
    found = keys_in({"keys": [own, other, of_tokens, of_tokens | {"purpose": "tokens"}, 5]})
    assert list(found) == [KEY.key.kid]
    assert not found[str(KEY.key.kid)].is_private
    for wrong in (None, [], {}, {"keys": 5}, {"keys": [{**own, "x": "!"}]}, {"keys": [of_tokens]}):
        with pytest.raises(ValueError, match=r"keys|none|no key of the audit"):
            keys_in(wrong)


def test_heads_are_taken_as_they_were_kept() -> None:
    signature = head(LINKS[6])["checkpoint"]["signature"]
    body = orjson.dumps({"type": "audit.head", "data": {"seq": 7, "signature": signature}})
    assert list(heads_in([signature, body.decode()])) == [signature, signature]


@pytest.mark.parametrize("kept", [[], [""], ["", "a", "{}"], ['{"a":' * 100_000], ["{"]])
def test_a_line_without_a_head_is_not_passed_over(kept: list[str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the command says it in its own words
        list(heads_in(kept))


def test_heads_that_were_kept_and_lie_on_the_chain_are_told_of() -> None:
    kept = [head(LINKS[at])["checkpoint"]["signature"] for at in (2, 5)]
    found = checked(WHOLE, *kept)
    assert found.kept == 2
    assert "It leads through all heads that you kept (2)." in found.lines()


def test_two_heads_of_one_event_are_a_rewritten_chain_whatever_the_file_says() -> None:
    other = head(replace(LINKS[2], hash="f" * 64))["checkpoint"]["signature"]
    kept = head(LINKS[2])["checkpoint"]["signature"]
    for heads in ((other, kept), (kept, other)):
        assert "Two heads that were kept elsewhere have two hashes for event 3" in says(
            WHOLE, *heads
        )


def test_an_event_that_was_made_up_is_found_by_its_head_in_a_filtered_export_too() -> None:
    lines = copied(exported([LINKS[1], LINKS[4]], told={"actions": ["model.read"]}))
    told = event(lines, 5)
    told["subject"] = "model-7"
    told["hash"] = hash_of({name: value for name, value in told.items() if name != "hash"})
    lines[-1]["end"]["hash"] = told["hash"]
    assert checked(lines).events == 2
    assert "the chain was rewritten" in says(lines, head(LINKS[4])["checkpoint"]["signature"])


def test_a_tail_that_was_cut_off_before_a_head_is_found_at_that_head() -> None:
    lines = [*WHOLE[:-3], head(LINKS[7]), {"end": {}}]
    assert "its end was cut off" in says(lines)


@pytest.mark.parametrize("name", ["subject", "details", "operationId", "session"])
def test_half_a_character_is_no_text(name: str) -> None:
    lines = copied(WHOLE)
    event(lines, 2)[name] = "\ud800"
    with pytest.raises(NotWhole, match="event 2 was changed"):
        verify([json.dumps(line) for line in lines], KEY.public)


def test_a_number_that_no_database_has_is_none() -> None:
    lines = exported([LINKS[1]], told={})
    event(lines, 2)["seq"] = 2**70
    with pytest.raises(NotWhole, match="not of its form"):
        verify([json.dumps(line) for line in lines], KEY.public)


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "\u202e", "\n"])
def test_nothing_of_a_file_is_done_by_a_terminal(hostile: str) -> None:
    first = copied(WHOLE)
    first[0]["tenant"] = hostile
    tenant, last = copied(WHOLE), copied(WHOLE)
    event(tenant, 1)["tenant"] = hostile
    last[-1]["end"] = {"events": hostile}
    kind = copied(WHOLE)
    kind[place(kind, 3) + 1]["checkpoint"]["kind"] = hostile
    at = copied(WHOLE)
    at[place(at, 3) + 1]["checkpoint"]["at"] = hostile
    for lines in (first, tenant, last, kind, at):
        assert hostile not in says(lines)


def test_a_table_is_no_proof() -> None:
    with pytest.raises(NoProof, match="export the audit as JSONL"):
        verify([csv_text([COLUMNS]).decode()], KEY.public)


class Endless(io.RawIOBase):
    """A file of one line, however much of it is read."""

    read_so_far = 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        self.read_so_far += len(into)
        into[:] = b"x" * len(into)
        return len(into)


def test_of_a_line_without_an_end_no_more_is_read_than_says_so() -> None:
    file = Endless()
    with pytest.raises(NotWhole, match="Line 1"):
        verify(texts_in(io.BufferedReader(file)), KEY.public)
    assert file.read_so_far < 2 * LINE_MOST


@pytest.mark.parametrize("at", range(0, 3_000, 37))
def test_no_byte_can_be_changed(at: int) -> None:
    whole = "".join(f"{text}\n" for text in texts(WHOLE)).encode()
    for byte in (whole[at] ^ 1, 0xFF):
        changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
        if b'"exportedAt"' in whole[max(0, at - 60) : at + 1]:
            continue  # when it was taken is nobody's word
        with pytest.raises(NotWhole):
            verify(texts_in(io.BytesIO(changed)), KEY.public)
