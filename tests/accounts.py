"""People with local accounts, made at the door of a server that runs."""

from __future__ import annotations

from typing import Any, Final

import httpx

from services.principal import Role
from tests.served import Served

PASSWORD: Final = "four quiet otters in a boat"
_INVITE: Final = """mutation ($email: String!, $role: Role!) {
  inviteMember(email: $email, role: $role) { ... on InvitedMember { secret }
    ... on Refusal { message } } }"""


def invited(server: Served, email: str, role: Role = Role.ANALYST) -> str:
    """The secret of a new invitation."""
    with server.caller(Role.OWNER) as owner:
        made = owner.data(_INVITE, {"email": email, "role": role.value})
    secret: str = made["inviteMember"]["secret"]
    return secret


def joined(client: httpx.Client, invitation: str, **more: Any) -> dict[str, Any]:
    """What somebody gets who accepts an invitation with `PASSWORD`."""
    given = {"invitation": invitation, "password": PASSWORD, "name": "Ada", **more}
    response = client.post("/auth/accept", json=given)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
