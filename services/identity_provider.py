"""An identity provider: what a tenant says of it, and what may be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from engine.errors import InvalidInput, Problem
from services.outward import NotAllowed, check_url
from services.principal import Role
from store.identity_providers import IdentityRecord as LinkedIdentity
from store.identity_providers import ProviderRecord

__all__ = ["GIVEN", "Given", "LinkedIdentity", "Provider", "check", "check_line", "mark_of"]

MAPPED_MAX: Final = 100
TEXT_MAX: Final = 255  # characters
# What a claim may make of somebody. Owners are made by owners, one by one.
GIVEN: Final = (Role.ADMIN, Role.ANALYST, Role.VIEWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Whom a tenant trusts, without the secret."""

    id: UUID
    issuer: str
    client_id: str
    has_secret: bool
    role_claim: str | None
    roles: Mapping[str, Role]  # by the claim's value
    default_role: Role | None
    enabled: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, record: ProviderRecord) -> Provider:
        return cls(
            id=record.id,
            issuer=record.issuer,
            client_id=record.client_id,
            has_secret=record.client_secret is not None,
            role_claim=record.role_claim,
            roles={value: Role(role) for value, role in orjson.loads(record.roles).items()},
            default_role=Role(record.default_role) if record.default_role else None,
            enabled=record.enabled,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an administrator says of a provider."""

    issuer: str
    client_id: str
    client_secret: str | None  # None: what is kept stays; none is kept: a public client
    role_claim: str | None
    roles: Sequence[tuple[str, Role]]
    default_role: Role | None


def check(given: Given) -> None:
    """
    Raises:
        InvalidInput: with every problem.
    """
    problems: list[Problem] = []
    issuer = given.issuer
    try:
        parts = check_url(issuer)
        if parts.query or "?" in issuer or len(issuer) > TEXT_MAX * 2:
            raise NotAllowed("An issuer is an address without a query.")
    except NotAllowed as no:
        mend = "Copy `issuer` from the provider's /.well-known/openid-configuration."
        problems.append(Problem("issuer", "OUT_OF_RANGE", str(no), mend))
    check_line(given.client_id, "clientId", problems)
    if given.client_secret is not None:
        check_line(given.client_secret, "clientSecret", problems, most=4_096)
    if given.role_claim is not None:
        check_line(given.role_claim, "roleClaim", problems)
    elif given.roles:
        message = "Roles are given for values of a claim, and no claim is named."
        problems.append(Problem("roleClaim", "MISSING", message, "Name the claim, such as groups."))
    if len(given.roles) > MAPPED_MAX:
        message = f"At most {MAPPED_MAX} values of the claim have a role."
        problems.append(Problem("roles", "TOO_LARGE", message, "Use fewer groups."))
    seen: set[str] = set()
    for place, (value, role) in enumerate(given.roles[:MAPPED_MAX]):
        check_line(value, f"roles[{place}].value", problems)
        _role(role, f"roles[{place}].role", problems)
        if value in seen:
            message = "This value has a role already."
            problems.append(
                Problem(f"roles[{place}].value", "CONTRADICTION", message, "Leave one out.")
            )
        seen.add(value)
    if given.default_role is not None:
        _role(given.default_role, "defaultRole", problems)
    if problems:
        raise InvalidInput.of(problems)


def check_line(text: str, at: str, problems: list[Problem], most: int = TEXT_MAX) -> None:
    if not (0 < len(text) <= most and text.isprintable() and text == text.strip()):
        message = f"It has 1 to {most} printable characters, and no space at its ends."
        problems.append(Problem(at, "WRONG_LENGTH", message, "Copy it from the provider."))


def mark_of(provider_id: UUID) -> str:
    """What a subject is marked for (`services.sealing`) of whom nothing else is kept."""
    return f"erased:{provider_id}"


def _role(role: Role, at: str, problems: list[Problem]) -> None:
    if role not in GIVEN:
        message = "A provider makes nobody an owner or an operator."
        mend = f"Give {', '.join(GIVEN)}; an owner makes others owners with changeRole."
        problems.append(Problem(at, "OUT_OF_RANGE", message, mend))
