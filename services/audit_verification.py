"""Does an exported audit hold? Asked of its lines alone: no database, no server, no trust in them.

Read as a stream, so that a chain of any length is checked in little memory, and stopped at the
first thing that is wrong: after it nothing says anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.jwk import OKPKey

from services.audit_form import FIELDS, FORM, NOTHING, hash_of
from services.audit_signing import BadSignature, claims_in
from services.signing import PURPOSE

LINE_MOST: Final = 1_000_000  # characters
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_TEXTS: Final = FIELDS - {"seq", "actor", "operationId", "session"}


class NotWhole(Exception):
    """The first thing that is wrong, and where."""


@dataclass(slots=True)
class Finding:
    """What was found of a chain that holds, as far as it was read."""

    tenant: str = ""
    events: int = 0
    first: int | None = None  # seq
    last: int | None = None
    since: str | None = None  # when the first of them was, and the last
    until: str | None = None
    filtered: bool = False  # then gaps are no flaw, and nobody can say what is missing
    pruned: int = 0  # the chain was cut after this event, by a signed word
    heads: int = 0  # whose signature holds, and which the chain leads through
    signed: int = 0  # up to this event the chain is what was signed
    unchecked: int = 0  # signatures for which no key was given

    def lines(self) -> Iterator[str]:
        """For a person."""
        if not self.events:
            yield f"The audit of tenant {self.tenant} holds, and has no event."
        else:
            yield f"The audit of tenant {self.tenant} holds."
            many = "1 event" if self.events == 1 else f"{self.events:,} events"
            yield f"{many}, {self.first} to {self.last}, from {self.since} to {self.until}."
        if self.filtered:
            yield "It was filtered: each event is as it was written, and others were left out."
            return
        if self.pruned:
            yield f"Events up to {self.pruned} were pruned, by a signed word."
        if self.unchecked:
            yield (
                f"Signatures ({self.unchecked:,}) were not checked: no keys were given. Name the "
                "public ones: --jwks FILE"
            )
        elif not self.heads:
            yield "No signed head lies on it yet: whoever holds the database could have written it."
        elif self.events:
            after = (self.last or 0) - self.signed
            many = "1 signed head lies" if self.heads == 1 else f"{self.heads:,} signed heads lie"
            yield f"{many} on it, the newest at event {self.signed}." + (
                f" What comes after it ({after:,}) is signed later." if after else ""
            )


@dataclass(slots=True)
class Verification:
    """Takes an export line by line. ``keys``: public ones by kid; None: signatures are not checked.

    ``heads``: signed heads that somebody kept elsewhere; the chain has to lead through each.
    """

    keys: Mapping[str, OKPKey] | None
    heads: Iterable[str] = ()
    finding: Finding = field(default_factory=Finding)
    _hash: str = NOTHING
    _at: int = 0  # the seq that the chain has come to
    _pruned: tuple[int, str] | None = None
    _ended: bool = False
    _line: int = 0
    _beyond: dict[int, tuple[str, str]] = field(default_factory=dict)  # heads that are to come

    def take(self, line: Mapping[str, Any]) -> None:
        """The next line of the export.

        Raises:
            NotWhole: for the first thing that is wrong.
        """
        self._line += 1
        if self._ended:
            raise self._wrong("something follows after the end")
        if self._line == 1:
            self._begin(line)
        elif len(line) == 1 and "event" in line:
            self._event(line["event"])
        elif len(line) == 1 and "checkpoint" in line:
            self._checkpoint(line["checkpoint"])
        elif len(line) == 1 and "end" in line:
            self._end(line["end"])
        else:
            raise self._wrong("it is no line of an export of the audit")

    def close(self) -> Finding:
        """After the last line.

        Raises:
            NotWhole: if the end is missing, or was cut off.
        """
        if not self._line:
            raise NotWhole("It is empty: an export has at least two lines.")
        if not self._ended:
            raise NotWhole(
                f"It ends after line {self._line} without its last line: it was cut off. Export it "
                "again."
            )
        return self.finding

    def _begin(self, line: Mapping[str, Any]) -> None:
        tenant = line.get("tenant")
        if line.get("audit") != FORM or not isinstance(tenant, str):
            raise self._wrong(f"it is not the first line of an audit's export of form {FORM}")
        self.finding.tenant = tenant
        self.finding.filtered = line.get("filter") is not None
        for head in self.heads:
            claims = self._claims(head, "A head that was kept elsewhere")
            if claims is not None and claims.get("kind") == "HEAD":
                if claims.get("tenant") != tenant:
                    raise NotWhole(
                        f"A head that was kept elsewhere is of tenant {claims.get('tenant')}, and "
                        f"the audit is of {tenant}."
                    )
                self._beyond[int(claims["seq"])] = str(claims["hash"]), str(claims["at"])

    def _event(self, event: Any) -> None:
        if not isinstance(event, dict) or set(event) != FIELDS | {"hash"}:
            raise self._wrong("it has not the fields of an event")
        form = {name: value for name, value in event.items() if name != "hash"}
        self._check_types(form, event["hash"])
        seq = form["seq"]
        found = self.finding
        if form["tenant"] != found.tenant:
            raise self._wrong(f"event {seq} is of another tenant, {form['tenant']}")
        if found.filtered:
            if seq <= self._at:
                raise self._wrong(f"event {seq} stands after event {self._at}")
        else:
            self._check_place(seq, form["previous"])
        if hash_of(form) != event["hash"]:
            raise self._wrong(f"event {seq} was changed: its hash is not that of what it says now")
        found.events += 1
        if found.first is None:
            found.first, found.since = seq, form["at"]
        found.last, found.until = seq, form["at"]
        self._at, self._hash = seq, event["hash"]
        known = self._beyond.pop(seq, None)
        if known is not None:
            self._check_head(seq, known[0])
            self._count(seq)

    def _check_types(self, form: dict[str, Any], hash_: Any) -> None:
        well = (
            type(form["seq"]) is int
            and form["seq"] >= 1
            and all(isinstance(form[name], str) for name in _TEXTS)
            and all(
                form[name] is None or isinstance(form[name], str)
                for name in ("actor", "operationId", "session")
            )
            and _MOMENT.fullmatch(form["at"])
            and _HASH.fullmatch(form["previous"])
            and isinstance(hash_, str)
            and _HASH.fullmatch(hash_)
        )
        if not well:
            raise self._wrong("a field of the event is not of its form")

    def _check_place(self, seq: int, previous: str) -> None:
        expected = self._at + 1
        if self.finding.first is None and self._pruned is None and seq != 1:
            raise self._wrong(
                f"the chain begins at event {seq}, and no signed word says that what was before "
                "it was pruned"
            )
        if seq > expected:
            missing = (
                f"event {expected} is"
                if seq == expected + 1
                else (f"events {expected} to {seq - 1} are")
            )
            raise self._wrong(f"{missing} missing before event {seq}")
        if seq < expected:
            raise self._wrong(f"event {seq} stands where event {expected} should be")
        if previous != self._hash:
            raise self._wrong(
                f"event {seq} does not follow from event {self._at}: the hash that it names is "
                "another one"
            )

    def _checkpoint(self, checkpoint: Any) -> None:
        names = {"kind", "seq", "hash", "at", "signature"}
        if (
            not isinstance(checkpoint, dict)
            or set(checkpoint) != names
            or type(checkpoint["seq"]) is not int
            or not all(isinstance(checkpoint[name], str) for name in names - {"seq"})
        ):
            raise self._wrong("it has not the fields of a checkpoint")
        kind, seq, hash_ = checkpoint["kind"], checkpoint["seq"], checkpoint["hash"]
        named = f"the {kind} checkpoint at event {seq}"
        claims = self._claims(checkpoint["signature"], named)
        told = {**checkpoint, "form": FORM, "tenant": self.finding.tenant}
        del told["signature"]
        if claims is not None and claims != told:
            raise self._wrong(f"{named} says something else than what was signed")
        if kind == "PRUNED":
            if self.finding.events or self._pruned is not None:
                raise self._wrong(f"{named} does not stand before the first event")
            if not _HASH.fullmatch(hash_) or seq < 1:
                raise self._wrong(f"{named} has no hash")
            for known in [each for each in self._beyond if each <= seq]:
                if self._beyond.pop(known)[0] != hash_ and known == seq:
                    raise self._wrong(f"a signed head has another hash for event {seq}")
            self._pruned = seq, hash_
            self._at, self._hash, self.finding.pruned = seq, hash_, seq
        elif kind == "HEAD":
            self._head(seq, hash_, checkpoint["at"], holds=claims is not None)
        else:
            raise self._wrong("it is a checkpoint of no known kind")

    def _head(self, seq: int, hash_: str, at: str, *, holds: bool) -> None:
        if seq > self._at:
            if self._beyond.setdefault(seq, (hash_, at))[0] != hash_:
                raise self._wrong(f"two heads tell of two hashes for event {seq}")
        elif seq == self._at:
            self._check_head(seq, hash_)
            if holds:
                self._count(seq)
        elif not (self._pruned and seq < self._pruned[0]):
            raise self._wrong(f"the head at event {seq} does not stand beside it")

    def _count(self, seq: int) -> None:
        if seq > self.finding.signed:  # or one that was kept in two places
            self.finding.heads += 1
            self.finding.signed = seq

    def _check_head(self, seq: int, hash_: str) -> None:
        if hash_ != self._hash and not self.finding.filtered:
            raise self._wrong(
                f"the chain was rewritten: a signed head has another hash for event {seq}"
            )

    def _end(self, end: Any) -> None:
        self._ended = True
        told = {"events": self.finding.events, "seq": self._at, "hash": self._hash}
        if not self.finding.filtered and self._beyond:
            seq = min(self._beyond)
            raise self._wrong(
                f"the chain ends at event {self._at}, and a head was signed at event {seq} on "
                f"{self._beyond[seq][1]}: its end was cut off"
            )
        if end != told:
            raise self._wrong(
                f"the last line tells of {end.get('events') if isinstance(end, dict) else end} "
                f"events, and {self.finding.events} are there"
            )

    def _claims(self, signature: str, named: str) -> dict[str, Any] | None:
        if self.keys is None:
            self.finding.unchecked += 1
            return None
        try:
            return claims_in(signature, self.keys)
        except BadSignature as flaw:
            raise self._wrong(f"the signature of {named} does not hold: {flaw}") from None

    def _wrong(self, what: str) -> NotWhole:
        return NotWhole(f"Line {self._line}: {what}.")


def read_lines(texts: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of an export, one a line.

    Raises:
        NotWhole: for a line that is none.
    """
    for number, text in enumerate(texts, 1):
        try:
            if len(text) > LINE_MOST:
                raise ValueError
            line = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise NotWhole(f"Line {number}: it is no JSON object of an export.") from None
        if not isinstance(line, dict):
            raise NotWhole(f"Line {number}: it is no JSON object of an export.")
        yield line


def verify(
    texts: Iterable[str], keys: Mapping[str, OKPKey] | None, heads: Iterable[str] = ()
) -> Finding:
    """What is found of an export that holds.

    Raises:
        NotWhole: for the first thing that is wrong.
    """
    verification = Verification(keys, heads)
    for line in read_lines(texts):
        verification.take(line)
    return verification.close()


def keys_in(jwks: Any) -> dict[str, OKPKey]:
    """The audit's Ed25519 keys of a JSON Web Key Set, by their names. Keys of tokens prove no head.

    Raises:
        ValueError: if it is none, or has no key of the audit.
    """
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it has no “keys”")
    found: dict[str, OKPKey] = {}
    for each in listed:
        if not isinstance(each, dict) or each.get(PURPOSE) != "audit":
            continue
        if each.get("crv") == "Ed25519" and "kid" in each:
            public = {name: value for name, value in each.items() if name != "d"}
            try:
                found[str(each["kid"])] = OKPKey.import_key(public)
            except Exception as flaw:  # whatever was written there
                raise ValueError(f"the key {each['kid']} is none") from flaw
    if not found:
        raise ValueError("it has no key of the audit, as /.well-known/audit-jwks.json has them")
    return found


def heads_in(texts: Iterable[str]) -> Iterator[str]:
    """Signed heads that were kept elsewhere: one a line, by itself or in what a webhook sent."""
    for text in texts:
        line = text.strip()
        if line.startswith("{"):
            yield from _signatures(json.loads(line))
        elif line:
            yield line


def _signatures(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        for name, value in told.items():
            if name == "signature" and isinstance(value, str):
                yield value
            else:
                yield from _signatures(value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that is given twice would be read by each reader as they like."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_name: str) -> Any:
    raise ValueError
