"""Does an exported audit hold? Asked of its lines alone: no database, no server, no trust in them.

Read as a stream, so that a chain of any length is checked in little memory, and stopped at the
first thing that is wrong: after it nothing says anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.jwk import OKPKey

from services.audit_form import FIELDS, FORM, NOTHING, hash_of
from services.audit_lines import NotWhole, read_lines
from services.audit_signing import BadSignature, claims_in

_SEQ_MOST: Final = 2**63 - 1
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_TENANT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_TEXTS: Final = FIELDS - {"seq", "actor", "operationId", "session"}


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
    kept: int = 0  # heads that were kept elsewhere, and that lie on the chain
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
            yield (
                "It was filtered: others were left out, and no signature is over those that are "
                "there. Compare their hashes with those of a whole export."
            )
            if self.kept:
                yield f"Of the heads that you kept, {self.kept:,} have the hash of their event."
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
        if self.kept:
            yield f"It leads through all heads that you kept ({self.kept:,})."


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
    _kept: dict[int, tuple[str, str]] = field(default_factory=dict)  # that are to come

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
        if (
            line.get("audit") != FORM
            or not isinstance(tenant, str)
            or not _TENANT.fullmatch(tenant)
        ):
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
                seq, told = int(claims["seq"]), (str(claims["hash"]), str(claims["at"]))
                if self._kept.setdefault(seq, told)[0] != told[0]:
                    raise NotWhole(
                        f"Two heads that were kept elsewhere have two hashes for event {seq}: the "
                        "chain was rewritten between them."
                    )

    def _event(self, event: Any) -> None:
        if not isinstance(event, dict) or set(event) != FIELDS | {"hash"}:
            raise self._wrong("it has not the fields of an event")
        form = {name: value for name, value in event.items() if name != "hash"}
        self._check_types(form, event["hash"])
        seq = form["seq"]
        found = self.finding
        if form["tenant"] != found.tenant:
            raise self._wrong(f"event {seq} is of another tenant, {_shown(form['tenant'])}")
        if found.filtered:
            if seq <= self._at:
                raise self._wrong(f"event {seq} stands after event {self._at}")
        else:
            self._check_place(seq, form["previous"])
        if _hash_of(form) != event["hash"]:
            raise self._wrong(f"event {seq} was changed: its hash is not that of what it says now")
        found.events += 1
        if found.first is None:
            found.first, found.since = seq, form["at"]
        found.last, found.until = seq, form["at"]
        self._at, self._hash = seq, event["hash"]
        known = self._kept.pop(seq, None)
        if known is not None:
            self._check_head(seq, known[0])
            self._count(seq)
            found.kept += 1

    def _check_types(self, form: dict[str, Any], hash_: Any) -> None:
        well = (
            type(form["seq"]) is int
            and 1 <= form["seq"] <= _SEQ_MOST
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
            or not 1 <= checkpoint["seq"] <= _SEQ_MOST
            or not _HASH.fullmatch(checkpoint["hash"])
            or not _MOMENT.fullmatch(checkpoint["at"])
        ):
            raise self._wrong("it has not the fields of a checkpoint")
        kind, seq, hash_ = checkpoint["kind"], checkpoint["seq"], checkpoint["hash"]
        if kind not in ("HEAD", "PRUNED"):
            raise self._wrong("it is a checkpoint of no known kind")
        named = f"the {kind} checkpoint at event {seq}"
        claims = self._claims(checkpoint["signature"], named)
        told = {**checkpoint, "form": FORM, "tenant": self.finding.tenant}
        del told["signature"]
        if claims is not None and claims != told:
            raise self._wrong(f"{named} says something else than what was signed")
        if kind == "PRUNED":
            if self.finding.events or self._pruned is not None:
                raise self._wrong(f"{named} does not stand before the first event")
            for known in [each for each in self._kept if each <= seq]:
                if self._kept.pop(known)[0] != hash_ and known == seq:
                    raise self._wrong(f"a signed head has another hash for event {seq}")
            self._pruned = seq, hash_
            self._at, self._hash, self.finding.pruned = seq, hash_, seq
        else:
            self._head(seq, hash_, checkpoint["at"], holds=claims is not None)

    def _head(self, seq: int, hash_: str, at: str, *, holds: bool) -> None:
        if seq > self._at:  # an export has each head behind its event
            raise self._cut(seq, at)
        if seq == self._at:
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
        if hash_ != self._hash:
            raise self._wrong(
                f"the chain was rewritten: a signed head has another hash for event {seq}"
            )

    def _end(self, end: Any) -> None:
        self._ended = True
        told = {"events": self.finding.events, "seq": self._at, "hash": self._hash}
        if not self.finding.filtered and self._kept:
            seq = min(self._kept)
            raise self._cut(seq, self._kept[seq][1])
        if end != told:
            named = _shown(end.get("events") if isinstance(end, dict) else end)
            raise self._wrong(
                f"the last line tells of {named} events, and {self.finding.events} are there, or "
                "names another end of the chain"
            )

    def _cut(self, seq: int, at: str) -> NotWhole:
        return self._wrong(
            f"the chain ends at event {self._at}, and a head was signed at event {seq} on {at}: "
            "its end was cut off"
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


def _hash_of(form: dict[str, Any]) -> str | None:
    """None: of what is no text that a hash could be of."""
    try:
        return hash_of(form)
    except TypeError:  # half of a character
        return None


def _shown(given: Any) -> str:
    """What stands in a file, so that a terminal shows it and does nothing."""
    return repr(given)[:64]


def verify(
    texts: Iterable[str], keys: Mapping[str, OKPKey] | None, heads: Iterable[str] = ()
) -> Finding:
    """What is found of an export that holds.

    Raises:
        NotWhole: for the first thing that is wrong. NoProof.
    """
    verification = Verification(keys, heads)
    for line in read_lines(texts):
        verification.take(line)
    return verification.close()
