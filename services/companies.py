"""Companies: their filings, and a first valuation's inputs derived from them.

Where companies come from is a list of providers of market data, the nearest first: a tenant's own
companies stand before the shipped ones of the same ticker, and that is shown. A third provider, of
a data house for instance, is one more class with the two methods of `MarketData`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from services.assumptions import Assumption, DerivedInputs
from services.company_figures import Document
from services.company_lines import ticker_of
from services.currencies import StatedRate, conversion_of
from services.derived_dcf import MarketRates, derive_dcf
from services.errors import NotFound
from services.own_companies import CompanyChange, OwnCompanyService
from services.own_company import Provided, figure_values
from services.principal import Action, Principal
from services.stated_market import StatedMarket, StatedRates
from store.companies import (
    Adjustment,
    BalanceSheet,
    Companies,
    Company,
    FiscalYear,
    OptionGrant,
    Peer,
    Price,
)

__all__ = [
    "Adjustment",
    "Assumption",
    "BalanceSheet",
    "Company",
    "CompanyService",
    "DerivedInputs",
    "FiscalYear",
    "KnownCompany",
    "MarketData",
    "MarketRates",
    "OptionGrant",
    "Peer",
    "Price",
    "Provided",
    "ShippedCompanies",
    "StatedRate",
    "StatedRates",
    "figure_values",
]


_NAMED: Final = 40  # tickers, in what is said of one that nobody has


class MarketData(Protocol):
    """Where companies come from. Each answers for one tenant; what is the same for all ignores it.

    A company is whole: in one currency, years and balance sheets from the oldest to the newest,
    amounts in whole units, with the day and the close of its newest price. What a provider does
    not know is None, never 0. Of each figure `Company.origins` may say where it is from.
    """

    @property
    def provides(self) -> Provided: ...

    async def all(self, tenant_id: UUID) -> Sequence[Company]: ...

    async def find(self, tenant_id: UUID, ticker: str) -> Company | None: ...  # in capitals


class ShippedCompanies:
    """The filings that come with the product, the same for everyone."""

    provides = Provided.SHIPPED

    def __init__(self, companies: Companies) -> None:
        self._companies = companies

    async def all(self, tenant_id: UUID) -> Sequence[Company]:  # noqa: ARG002 - the same for all
        """In the order of the file."""
        return self._companies.all()

    async def find(self, tenant_id: UUID, ticker: str) -> Company | None:  # noqa: ARG002 - the same for all
        """The company of a ticker."""
        return self._companies.find(ticker)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCompany:
    """A company, who has provided it, and whose figures of the same ticker it stands before."""

    company: Company
    provided: Provided
    stands_before: tuple[Provided, ...] = ()


class CompanyService:
    """What a member may know of companies, and do with the tenant's own."""

    def __init__(
        self, own: OwnCompanyService, others: Sequence[MarketData], market: MarketRates
    ) -> None:
        """Of all who provide a ticker the tenant's own is heard, or the first of the others."""
        self._own, self._market = own, market
        self._providers: tuple[MarketData, ...] = (own, *others)

    async def all(self, principal: Principal) -> list[KnownCompany]:
        """Every company: the tenant's own, then the others."""
        principal.require(Action.READ_COMPANY)
        found: dict[str, list[tuple[Provided, Company]]] = {}
        for provider in self._providers:
            for company in await provider.all(principal.tenant_id):
                found.setdefault(company.ticker, []).append((provider.provides, company))
        return [_nearest(each) for each in found.values()]

    async def find(self, principal: Principal, ticker: str) -> KnownCompany:
        """
        Raises:
            Forbidden; NotFound: if no company has the ticker.
        """
        known = await self.first(principal, ticker)
        if known is None:
            raise NotFound(
                f"No company of that ticker is here. There are: {await self._named(principal)}."
            )
        return known

    async def first(self, principal: Principal, ticker: str) -> KnownCompany | None:
        """The company of a ticker; None: nobody has one. Raises Forbidden."""
        principal.require(Action.READ_COMPANY)
        asked = ticker_of(ticker)
        if asked is None:
            return None
        found = []
        for provider in self._providers:
            company = await provider.find(principal.tenant_id, asked)
            if company is not None:
                found.append((provider.provides, company))
        return _nearest(found) if found else None

    def dcf_inputs(
        self,
        principal: Principal,
        company: Company,
        currency: str | None = None,
        rate: StatedRate | None = None,
        rates: StatedRates | None = None,
    ) -> DerivedInputs:
        """A DCF's inputs from the company's filings, with a sentence for each assumption.

        In another currency than the company's, every amount is converted at the one stated rate.
        ``rates`` of the capital market stand before those that are here.

        Raises:
            Forbidden; InvalidInput: for another currency without a rate, or for wrong rates.
            MissingData: if a figure that a DCF cannot do without is not there.
        """
        principal.require(Action.READ_COMPANY)
        conversion = conversion_of(company, currency, rate)
        if rates is None:
            return derive_dcf(company, self._market, conversion)
        rates.check(company.price.date)
        return derive_dcf(company, StatedMarket(rates, self._market), conversion)

    # The tenant's own

    async def add(self, principal: Principal, document: Document) -> KnownCompany:
        """A new company; see `OwnCompanyService.add`."""
        return await self._known(principal, await self._own.add(principal, document))

    async def bring(
        self, principal: Principal, documents: Sequence[Document]
    ) -> tuple[list[KnownCompany], tuple[str, ...]]:
        """Companies put in place, and which were changed; see `OwnCompanyService.bring`."""
        imported = await self._own.bring(principal, documents)
        known = [await self._known(principal, company) for company in imported.companies]
        return known, imported.changed

    async def correct(
        self, principal: Principal, ticker: str, path: str, figure: Document | None
    ) -> KnownCompany:
        """Another number for a figure, or none; see `OwnCompanyService.correct`."""
        company = await self._own.correct(principal, ticker, path, figure)
        return await self._known(principal, company)

    async def remove(self, principal: Principal, ticker: str) -> KnownCompany | None:
        """Take a company away; whose figures the ticker has now. See `OwnCompanyService.remove`."""
        await self._own.remove(principal, ticker)
        return await self.first(principal, ticker)

    async def history(
        self, principal: Principal, ticker: str, *, limit: int, before: int | None = None
    ) -> list[CompanyChange]:
        """The changes of one of the tenant's own; see `OwnCompanyService.history`."""
        return await self._own.history(principal, ticker, limit=limit, before=before)

    async def _named(self, principal: Principal) -> str:
        """The tickers that there are; of many, the first and how many more."""
        tickers = dict.fromkeys(await self._own.tickers(principal.tenant_id))
        for provider in self._providers[1:]:
            tickers |= {each.ticker: None for each in await provider.all(principal.tenant_id)}
        more = [f"and {len(tickers) - _NAMED} more"] if len(tickers) > _NAMED else []
        return ", ".join([*list(tickers)[:_NAMED], *more])

    async def _known(self, principal: Principal, own: Company) -> KnownCompany:
        """A company of the tenant's own, and whose figures it stands before."""
        behind = [
            provider.provides
            for provider in self._providers[1:]
            if await provider.find(principal.tenant_id, own.ticker) is not None
        ]
        return KnownCompany(company=own, provided=Provided.OWN, stands_before=tuple(behind))


def _nearest(found: Sequence[tuple[Provided, Company]]) -> KnownCompany:
    (provided, company), *behind = found
    return KnownCompany(
        company=company,
        provided=provided,
        stands_before=tuple(each for each, _ in behind),
    )
