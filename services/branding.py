"""How the console looks for a tenant: a name, four colours and a logo, all of them looked at.

A logo is a picture by its own bytes: PNG, JPEG or WebP. SVG is a document that may carry scripts,
so it is none.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

import orjson

from engine.errors import InvalidInput, Problem
from services.administration import Administration, Change
from services.contents import canonical_text
from services.errors import Unauthenticated
from services.members import name_of
from services.pictures import Picture, picture_in
from services.plans import Feature, require_feature
from services.principal import Action, Principal
from services.standing import FRESH_S, Standings
from services.tenants import require_own
from store import branding as kept
from store.branding import BrandingRecord, Brandings, Look
from store.directory import Directory

COLOURS: Final = ("primary", "accent", "background", "text")
CONTRAST: Final = 4.5  # of text on the background: WCAG 2.2, level AA
LOGO_MOST: Final = 128 * 1024  # bytes
SIDE_LEAST, SIDE_MOST = 16, 2_048  # pixels
_REMEMBERED: Final = 1_000
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Branding:
    """How it looks, as the world may see it."""

    tenant_id: UUID
    slug: str
    name: str | None
    colours: Mapping[str, str]  # by COLOURS, as #rrggbb
    logo_type: str | None  # media type
    logo_hash: str | None  # SHA-256 in hex
    updated_at: datetime

    @classmethod
    def of(cls, tenant_id: UUID, slug: str, record: Look) -> Branding:
        return cls(
            tenant_id,
            slug,
            record.name,
            orjson.loads(record.colours),
            record.logo_type,
            record.logo_hash,
            record.updated_at,
        )


class BrandingService:
    """The caller's own; and everybody's, for pages where nobody has signed in yet."""

    def __init__(
        self,
        brandings: Brandings,
        directory: Directory,
        administration: Administration,
        standings: Standings,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._seen: OrderedDict[str, tuple[float, Branding | None]] = OrderedDict()
        self._timer = timer
        self._kept, self._directory = brandings, directory
        self._administration, self._standings = administration, standings

    async def find(self, principal: Principal, tenant_id: UUID, slug: str) -> Branding | None:
        """The tenant's; None: it looks as for everybody.

        Raises:
            Forbidden.
        """
        principal.require(Action.READ_TENANT)
        require_own(principal, tenant_id)
        record = await self._kept.look(tenant_id)
        return None if record is None else Branding.of(tenant_id, slug, record)

    async def update(
        self,
        principal: Principal,
        *,
        name: str | None,
        colours: Mapping[str, str],
        logo: str | None,
        keep_logo: bool,
        operation_id: str | None = None,
    ) -> None:
        """Have it look so. ``logo``: base64; with ``keep_logo`` the one that is there stays.

        Raises:
            Forbidden, QuotaExceeded, IdempotencyKeyReused; InvalidInput: with every problem.
        """
        principal.require(Action.MANAGE_TENANT)
        terms = await self._standings.terms(principal.tenant_id)
        require_feature(terms.plan, terms.limits, Feature.BRANDING)
        problems: list[Problem] = []
        if name is not None:
            name = name_of(name, "input.name", problems)
        colours = _colours(colours, problems)
        picture = None if logo is None else _logo(logo, problems)
        if problems:
            raise InvalidInput.of(problems)

        async def work(change: Change) -> dict[str, str]:
            before = await kept.find(change.session) if keep_logo else None
            record = BrandingRecord(
                name=name,
                colours=canonical_text(dict(colours)),
                logo=None if before is None else before.logo,
                logo_type=None if before is None else before.logo_type,
                logo_hash=None if before is None else before.logo_hash,
                updated_at=change.at,
                updated_by=principal.member_id,
            )
            if picture is not None:
                record = _with(record, picture)
            await kept.put(change.session, record)
            await change.note(
                "branding.updated",
                "tenant",
                principal.tenant_id,
                colours=dict(colours),
                logo=record.logo_hash,
            )
            return {}

        digest = None if picture is None else hashlib.sha256(picture.data).hexdigest()
        asked = [name, dict(colours), digest, keep_logo]
        await self._administration.change(principal, "updateBranding", asked, operation_id, work)
        self._seen.clear()

    async def public(self, slug: str) -> Branding | None:
        """What a tenant shows to everybody; None: nothing, or there is no such tenant.

        Looked up at most ten seconds ago: anybody may ask.
        """
        known, now = self._seen.get(slug), self._timer()
        if known is not None and now - known[0] < FRESH_S:
            return known[1]
        found = await self._public(slug)
        self._seen[slug] = now, found
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return found

    async def logo(self, of: Branding) -> Picture | None:
        """The logo that a tenant shows to everybody."""
        if of.logo_hash is None:
            return None
        record = await self._kept.find(of.tenant_id)
        if record is None or record.logo is None or record.logo_type is None:
            return None
        return Picture(record.logo_type, b64decode(record.logo), 0, 0)

    async def _public(self, slug: str) -> Branding | None:
        tenant_id = await self._directory.find("SLUG", slug)
        if tenant_id is None:
            return None
        try:
            terms = await self._standings.terms(tenant_id)
        except Unauthenticated:  # a tenant whose making was cut short
            return None
        if Feature.BRANDING not in terms.limits.features or terms.suspended is not None:
            return None
        look = await self._kept.look(tenant_id)
        return None if look is None else Branding.of(tenant_id, slug, look)


def contrast(one: str, other: str) -> float:
    """Of two colours as #rrggbb, from 1 to 21: WCAG 2.2, “contrast ratio”."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """WCAG 2.2, “relative luminance”."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colours(given: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    found = {}
    for name in COLOURS:
        colour = given[name].lower()
        if not _COLOUR.fullmatch(colour):
            message = f"“{given[name][:20]}” is no colour."
            problems.append(
                Problem(f"input.colours.{name}", "WRONG_TYPE", message, "Give one like #1a2b3c.")
            )
        else:
            found[name] = colour
    if len(found) == len(COLOURS):
        ratio = contrast(found["text"], found["background"])
        if ratio < CONTRAST:
            message = (
                f"The contrast of text on background is {ratio:.2f}, and people read from "
                f"{CONTRAST} on."
            )
            mend = "Take a darker text or a lighter background, or the other way round."
            problems.append(Problem("input.colours.text", "CONTRADICTION", message, mend))
    return found


def _logo(given: str, problems: list[Problem]) -> Picture | None:
    at = "input.logo"
    if len(given) > (LOGO_MOST + 2) // 3 * 4:
        message = f"The logo is larger than {LOGO_MOST // 1024} KB."
        problems.append(Problem(at, "TOO_LARGE", message, "Make it smaller."))
        return None
    try:
        data = b64decode(given, validate=True)
    except (NotBase64, ValueError):
        message = "The logo is not written in base64."
        problems.append(Problem(at, "WRONG_TYPE", message, "Give the file's bytes in base64."))
        return None
    picture = picture_in(data)
    if picture is None:
        message = "The logo is no PNG, JPEG or WebP by its bytes, or is damaged."
        problems.append(Problem(at, "WRONG_TYPE", message, "Save it as PNG."))
    elif not all(SIDE_LEAST <= side <= SIDE_MOST for side in (picture.width, picture.height)):
        message = f"The logo has {picture.width} × {picture.height} pixels."
        mend = f"Make each side from {SIDE_LEAST} to {SIDE_MOST} pixels."
        problems.append(Problem(at, "OUT_OF_RANGE", message, mend))
        return None
    return picture


def _with(record: BrandingRecord, picture: Picture) -> BrandingRecord:
    return BrandingRecord(
        name=record.name,
        colours=record.colours,
        logo=b64encode(picture.data).decode(),
        logo_type=picture.media_type,
        logo_hash=hashlib.sha256(picture.data).hexdigest(),
        updated_at=record.updated_at,
        updated_by=record.updated_by,
    )
