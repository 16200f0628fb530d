"""All that proves who somebody is, put together: tokens, sessions, accounts, keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from collab.buckets import Buckets
from observability.logs import Log
from services.accounts import AccountService, Invitations
from services.administration import Administration
from services.api_keys import ApiKeyService
from services.attempts import Attempts
from services.authentication import Authenticator, Refusals
from services.enrolments import Enrolments
from services.passwords import Passwords
from services.sealing import Sealer
from services.signed_in import SignedIn
from services.signing import Clock, Keyring
from services.standing import Standings
from store.database import Database
from store.directory import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Of one application."""

    keyring: Keyring
    sealer: Sealer
    authenticator: Authenticator
    signed_in: SignedIn
    accounts: AccountService
    enrolments: Enrolments
    keys: ApiKeyService
    refusals: Refusals

    @classmethod
    def build(
        cls,
        *,
        database: Database,
        directory: Directory,
        standings: Standings,
        administration: Administration,
        invitations: Invitations,
        keyring: Keyring,
        issuer: str,
        environment: str,
        buckets: Buckets | None,
        refusals: Refusals,
        log: Log,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> Identity:
        """``environment``: live or dev, for names of keys. ``buckets``: shared by all processes."""
        keyring.failed = lambda no: log.warning("keys were not read again", why=str(no))
        sealer = Sealer(keyring)
        keys = ApiKeyService(database, administration, environment, log, clock)
        signed_in = SignedIn(database, standings, issuer, keyring, clock)
        accounts = AccountService(
            database,
            directory,
            standings,
            signed_in,
            Passwords(),
            Attempts(log, buckets),
            sealer,
            administration,
            invitations,
            log,
            clock,
        )
        return cls(
            keyring=keyring,
            sealer=sealer,
            authenticator=Authenticator(issuer, keyring, clock, keys, standings, refusals),
            signed_in=signed_in,
            accounts=accounts,
            enrolments=Enrolments(database, accounts, sealer, administration, standings, clock),
            keys=keys,
            refusals=refusals,
        )

    async def close(self) -> None:
        """Write down what is left to be."""
        await self.keys.settled()
        await self.accounts.close()
