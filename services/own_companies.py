"""A tenant's own companies: brought, corrected, removed, and how each came to be as it is.

Every change is a revision of the company with its author and its moment, so what a figure was and
who changed it is known for good. A change that changes nothing makes no revision: whatever is sent
twice is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from engine.errors import InvalidInput, Problem
from services.company_figures import (
    Document,
    Figures,
    Given,
    differences,
    lacking,
    merged,
    without,
)
from services.company_lines import (
    BALANCE_SHEETS,
    PRICES,
    YEARS,
    key_of,
    parts_of,
    path_of,
    text_of,
    ticker_of,
)
from services.contents import canonical_text
from services.errors import Conflict, NotFound, QueryInvalid, QuotaExceeded
from services.own_company import FORMER, Origins, Provided, company_of, figures_of
from services.principal import Action, Principal
from services.tenants import MemberRecord, TenantService
from store.companies import Company
from store.own_companies import Known, NewCompanyChange, OwnCompanies, OwnCompanyRecord

COMPANIES_MOST: Final = 200  # of one tenant
AT_ONCE: Final = 50  # companies of one import
HISTORY_MOST: Final = 100  # changes of one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import left, and which companies it changed."""

    companies: tuple[Company, ...]  # in the order given
    changed: tuple[str, ...]  # tickers; empty: all of it was here already


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyChange:
    """One change of a company: who, what, when."""

    revision: int
    verb: str  # ADD, IMPORT, CORRECT, REMOVE
    author: MemberRecord | None  # None: has left the tenant
    at: datetime
    changes: list[dict[str, Any]]  # path, old and new figure; None: nothing stood there


class OwnCompanyService:
    """What a member may do with the tenant's own companies; a provider of market data, too."""

    provides = Provided.OWN

    def __init__(
        self,
        companies: OwnCompanies,
        tenants: TenantService,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._companies, self._tenants, self._clock = companies, tenants, clock

    # Found

    async def find(self, tenant_id: UUID, ticker: str) -> Company | None:
        """The tenant's company of that ticker, in capitals; None: there is none."""
        if ticker_of(ticker) != ticker:
            return None
        record = await self._companies.find(tenant_id, ticker)
        return None if record is None or record.removed else await self._told(tenant_id, record)

    async def all(self, tenant_id: UUID) -> list[Company]:
        """The tenant's companies, by ticker."""
        records = await self._companies.all(tenant_id)
        return [await self._told(tenant_id, record) for record in records if not record.removed]

    async def tickers(self, tenant_id: UUID) -> list[str]:
        """Of the tenant's companies, in their order."""
        return await self._companies.tickers(tenant_id)

    async def history(
        self, principal: Principal, ticker: str, *, limit: int, before: int | None = None
    ) -> list[CompanyChange]:
        """The changes of a company, the newest first.

        Raises:
            Forbidden; QueryInvalid: for more at a time than can be told.
        """
        principal.require(Action.READ_COMPANY)
        if not 1 <= limit <= HISTORY_MOST:
            raise QueryInvalid(f"Ask for 1 to {HISTORY_MOST} changes at a time.")
        found = await self._companies.changes(
            principal.tenant_id,
            ticker,
            before=before,
            limit=limit,
        )
        people = await self._tenants.people(principal.tenant_id, {each.author for each in found})
        return [
            CompanyChange(
                revision=each.seq,
                verb=each.verb,
                author=people.get(each.author),
                at=each.at,
                changes=orjson.loads(each.changes),
            )
            for each in found
        ]

    # Changed

    async def add(self, principal: Principal, document: Document) -> Company:
        """A new company. The same again finds it as it is.

        Raises:
            Forbidden, InvalidInput, QuotaExceeded; Conflict: one of that ticker is here.
        """
        imported = await self._bring(principal, "ADD", [document], ["company"])
        return imported.companies[0]

    async def bring(self, principal: Principal, documents: Sequence[Document]) -> Imported:
        """Companies, new or known, all or none: what is given is put in place, the rest stays.

        Raises:
            Forbidden, InvalidInput, QuotaExceeded.
        """
        places = [f"companies[{number}]" for number in range(len(documents))]
        return await self._bring(principal, "IMPORT", documents, places)

    async def correct(
        self, principal: Principal, ticker: str, path: str, given: Document | None
    ) -> Company:
        """Another number for a figure, or none: then the path may name a whole period, too.

        ``given`` has value and source, and may have asOf and note; None: what stands there goes.

        Raises:
            Forbidden, InvalidInput; NotFound: no such company of the tenant's own.
        """
        principal.require(Action.EDIT_COMPANY)
        known = ticker_of(ticker) or ""
        problems: list[Problem] = []
        figure = _corrected(path, given, problems)
        if problems:
            raise InvalidInput.of(problems)

        def changed(before: Figures) -> Figures:
            if figure is not None:
                return merged(before, {path: figure}, *self._signed(principal, at))
            after = without(before, path)
            if after == before:
                message, rule = "Nothing stands under this path.", "Look at the company's figures."
                raise InvalidInput.of([Problem("path", "UNKNOWN", message, rule)])
            return after

        at = self._clock()
        return await self._change_one(principal, known, "CORRECT", at, changed)

    async def remove(self, principal: Principal, ticker: str) -> None:
        """Take a company away; its history stays, and a shipped one of its ticker shows again.

        Raises:
            Forbidden; NotFound: no such company of the tenant's own.
        """
        principal.require(Action.EDIT_COMPANY)
        known = ticker_of(ticker) or ""

        async def decide(here: Known, _count: int) -> list[NewCompanyChange]:
            before = figures_of(_own(here, known))
            return [_new(known, "REMOVE", before, {}, removed=True)]

        at = self._clock()
        await self._companies.change(principal.tenant_id, principal.member_id, at, [known], decide)

    # Inside

    async def _bring(
        self,
        principal: Principal,
        verb: str,
        documents: Sequence[Document],
        places: Sequence[str],
    ) -> Imported:
        principal.require(Action.EDIT_COMPANY)
        problems: list[Problem] = []
        if not 1 <= len(documents) <= AT_ONCE:
            message = f"One import takes from 1 to {AT_ONCE} companies."
            rule = "Split them up." if documents else "Give one at least."
            raise InvalidInput.of([Problem("companies", "WRONG_LENGTH", message, rule)])
        # One after the other in a thread: a company of all the years and prices that fit one takes
        # longer than others should wait for.
        given = [
            await asyncio.to_thread(Given, each, at, problems)
            for each, at in zip(documents, places, strict=True)
        ]
        tickers = [each.ticker for each in given]
        for number, ticker in enumerate(tickers):
            if ticker and ticker in tickers[:number]:
                message, rule = f"{ticker} is given twice.", "Put both into one."
                at = f"{places[number]}.ticker"
                problems.append(Problem(at, "CONTRADICTION", message, rule))
        if problems:
            raise InvalidInput.of(problems)
        now = self._clock()

        async def decide(here: Known, count: int) -> list[NewCompanyChange]:
            changes: list[NewCompanyChange] = []
            wrong: list[Problem] = []
            fresh = 0
            for each, at in zip(given, places, strict=True):
                await asyncio.sleep(0)  # fifty companies are not to hold up everybody else
                record = here.get(each.ticker)
                stands = record is not None and not record.removed
                before = figures_of(record) if record is not None and stands else {}
                after = merged(before, each.figures, *self._signed(principal, now))
                if stands and after == before:
                    continue
                if stands and verb == "ADD":
                    raise Conflict(
                        f"{each.ticker} is here already, with other figures. Merge into it by "
                        "importCompanies, or correct one figure by correctFigure."
                    )
                fresh += not stands
                wrong += _other_currency(before, after, at)
                wrong += lacking(after, at)
                changes.append(_new(each.ticker, verb, before, after))
            if wrong:
                raise InvalidInput.of(wrong)
            if fresh and count + fresh > COMPANIES_MOST:
                raise QuotaExceeded(
                    f"A tenant holds up to {COMPANIES_MOST} companies of its own. Remove one that "
                    "is not needed any more."
                )
            changed.extend(change.ticker for change in changes)
            return changes

        changed: list[str] = []
        written = await self._companies.change(
            principal.tenant_id, principal.member_id, now, tickers, decide
        )
        companies = [await self._told(principal.tenant_id, written[each]) for each in tickers]
        return Imported(companies=tuple(companies), changed=tuple(changed))

    async def _change_one(
        self,
        principal: Principal,
        ticker: str,
        verb: str,
        at: datetime,
        changed: Callable[[Figures], Figures],
    ) -> Company:
        async def decide(here: Known, _count: int) -> list[NewCompanyChange]:
            before = figures_of(_own(here, ticker))
            after = changed(before)
            if after == before:
                return []
            # What it lacks afterwards follows from the one path that the caller gave.
            wrong = [
                Problem("path", each.code, each.message, each.suggestion)
                for each in lacking(after, "")
            ]
            if wrong:
                raise InvalidInput.of(wrong)
            return [_new(ticker, verb, before, after)]

        written = await self._companies.change(
            principal.tenant_id, principal.member_id, at, [ticker], decide
        )
        return await self._told(principal.tenant_id, written[ticker])

    @staticmethod
    def _signed(principal: Principal, at: datetime) -> tuple[str, str]:
        return principal.member_id.hex, at.astimezone(UTC).isoformat()

    async def _told(self, tenant_id: UUID, record: OwnCompanyRecord) -> Company:
        await asyncio.sleep(0)  # two hundred of them are not to hold up everybody else
        figures = figures_of(record)
        wrote = {figure["author"] for figure in figures.values()}
        people = await self._tenants.people(tenant_id, {UUID(author) for author in wrote})
        names = {
            author: people[UUID(author)].name if UUID(author) in people else FORMER
            for author in wrote
        }
        return company_of(record.ticker, figures, Origins(record.figures, names), record.revision)


def _own(here: Known, ticker: str) -> OwnCompanyRecord:
    record = here.get(ticker)
    if record is None or record.removed:
        raise NotFound(
            "No company of your own has that ticker. The shipped ones cannot be changed: add one "
            "of the same ticker, and it stands before the shipped one."
        )
    return record


def _new(
    ticker: str, verb: str, before: Figures, after: Figures, *, removed: bool = False
) -> NewCompanyChange:
    return NewCompanyChange(
        ticker=ticker,
        verb=verb,
        removed=removed,
        figures=canonical_text(after),
        changes=canonical_text(differences(before, after)),
    )


def _other_currency(before: Figures, after: Figures, at: str) -> list[Problem]:
    """Amounts that are here would mean something else in another currency."""
    if "currency" not in before or before["currency"]["value"] == after["currency"]["value"]:
        return []
    message = f"The figures that are here are in {before['currency']['value']}."
    rule = "Remove the company first, then bring all of it in the other currency."
    return [Problem(f"{at}.currency", "CONTRADICTION", message, rule)]


def _corrected(path: str, given: Document | None, problems: list[Problem]) -> dict[str, Any] | None:
    """The figure to put at a path; None: what stands there goes."""
    parts = parts_of(path)
    if parts is None and not (given is None and path in ("notes", "fiscalYearEnd")):
        rule = "Paths look like years[2024].revenue or balanceSheets[2024-12-31].debtNoncurrent."
        problems.append(Problem("path", "UNKNOWN", "No figure has such a path.", rule))
        return None
    if given is None or parts is None:
        return None
    section, key, name = parts
    line = section.lines.get(name or "")
    asked: Any = int(key) if section is YEARS and key.isdecimal() else key
    if line is None or key_of(section, asked) != key:
        rule = f"Name a line of a period: {path_of(section.name, key, next(iter(section.lines)))}."
        problems.append(Problem("path", "UNKNOWN", "This path holds no single number.", rule))
        return None
    value = float(given["value"])
    wrong = line.problem(value, "figure.value")
    if wrong is not None:
        problems.append(wrong)
    day = key if section in (BALANCE_SHEETS, PRICES) else given.get("asOf")
    if given.get("asOf") not in (None, day):
        message, rule = f"A figure under this path is of {day}.", "Leave the day out."
        problems.append(Problem("figure.asOf", "CONTRADICTION", message, rule))
    told = {
        "source": text_of(given.get("source"), "figure.source", problems),
        "asOf": day,
        "note": text_of(given.get("note"), "figure.note", problems),
    }
    if not str(given.get("source") or "").strip():
        message, rule = "A figure says where it is from.", "Give a source: a report and a page."
        problems.append(Problem("figure.source", "MISSING", message, rule))
    return {"value": value} | {n: each for n, each in told.items() if each is not None}
