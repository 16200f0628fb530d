"""Companies: what they filed, what tenants brought, and the DCF inputs that follow from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date
from typing import Annotated, TypeAlias

import strawberry

from resolvers.company_filings import BalanceSheet, CompanyRevision, Figure, FiscalYear, Peer, Price
from resolvers.company_inputs import (
    CompanyInput,
    FigureInput,
    StatedMarketInput,
    StatedRateInput,
)
from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.scalars import InputDocument
from services import companies as service

PROVIDED = strawberry.enum(
    service.Provided,
    name="CompanyOrigin",
    description="Whose figures a company has: the tenant's own, or those shipped with the product.",
)


@strawberry.type(description="One assumption, and where it comes from.")
class Assumption:
    path: str = strawberry.field(description="The input it fills.")
    value: str = strawberry.field(description="As a person reads it.")
    text: str = strawberry.field(description="Where it comes from, in a sentence.")
    source: str | None = strawberry.field(
        description="The document that it comes from; null: an assumption of ours."
    )
    as_of: date | None = strawberry.field(
        description="What day the source is true of; null without one."
    )
    author: str = strawberry.field(
        description="Who stands behind it: the members whose figures it rests on, or the product."
    )
    note: str | None = strawberry.field(
        description="What they wrote beside the figures; null: nothing."
    )


@strawberry.type(
    description="Inputs that follow from a company's filings by stated rules: a place to start."
)
class DerivedDcfInputs:
    input: InputDocument = strawberry.field(description="Ready to be sent to `valueDcf`.")
    assumptions: list[Assumption] = strawberry.field(description="One for each number.")
    notes: list[str] = strawberry.field(description="What the filings say to watch out for.")


DcfInputsOutcome: TypeAlias = Annotated[
    DerivedDcfInputs | Refusal,
    strawberry.union("DcfInputsOutcome", description="Inputs, or what the filings lack for them."),
]


Currency: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="ISO 4217, of the valuation. Left out: the company's own."),
]
StatedRate: TypeAlias = Annotated[
    StatedRateInput | None,
    strawberry.argument(
        description="At which every amount is converted; needed for another currency alone."
    ),
]
StatedMarket: TypeAlias = Annotated[
    StatedMarketInput | None,
    strawberry.argument(description="Rates to build the WACC from. Left out: those shipped."),
]
WithAssumptions: TypeAlias = Annotated[
    bool | None,
    strawberry.argument(
        description=(
            "Whether `input` holds its `assumptions`, which are then kept with the valuation and "
            "part of its id. Left out: for the tenant's own companies, whose figures may change."
        )
    ),
]
Latest: TypeAlias = Annotated[
    int, strawberry.argument(description="How many of the newest, 1 to 100.")
]
BeforeRevision: TypeAlias = Annotated[
    int | None, strawberry.argument(description="Older than this one. Left out: from the newest.")
]


@strawberry.type(description="A company and what it filed.")
class Company:
    company: strawberry.Private[service.Company]
    provided: strawberry.Private[service.Provided]
    ticker: str = strawberry.field(description="In capitals.")
    origin: service.Provided = strawberry.field(description="Whose figures these are.")
    stands_before: list[service.Provided] = strawberry.field(
        description="Whose figures of the same ticker these hide; often nobody's."
    )
    revision: int | None = strawberry.field(
        description="How often the tenant has changed it; null: it is not the tenant's own."
    )
    name: str = strawberry.field(description="Legal name.")
    currency: str = strawberry.field(description="ISO 4217, of all money here.")
    fiscal_year_end: str = strawberry.field(
        description="In words, such as: last Saturday of September."
    )
    source: str = strawberry.field(description="Which reports the figures are from.")
    notes: list[str] = strawberry.field(description="What to know before using the figures.")
    price: Price = strawberry.field(description="On the day that a valuation would be of.")
    earlier_prices: list[Price] = strawberry.field(description="Oldest first; often none.")
    peers: list[Peer] = strawberry.field(description="For the beta; often none given.")
    years: list[FiscalYear] = strawberry.field(description="Oldest first.")
    balance_sheets: list[BalanceSheet] = strawberry.field(description="Oldest first.")

    @classmethod
    def of(cls, known: service.KnownCompany) -> Company:
        company = known.company
        return cls(
            company=company,
            provided=known.provided,
            ticker=company.ticker,
            origin=known.provided,
            stands_before=list(known.stands_before),
            revision=company.revision,
            name=company.name,
            currency=company.currency,
            fiscal_year_end=company.fiscal_year_end,
            source=company.source,
            notes=list(company.notes),
            price=Price.of(company.price),
            earlier_prices=[Price.of(each) for each in company.earlier_prices],
            peers=[Peer.of(peer) for peer in company.peers],
            years=[FiscalYear.of(year) for year in company.years],
            balance_sheets=[BalanceSheet.of(sheet) for sheet in company.balance_sheets],
        )

    @classmethod
    async def all_of(cls, known: Iterable[service.KnownCompany]) -> list[Company]:
        """Several, and whoever else waits has a turn between two of them."""
        companies = []
        for each in known:
            companies.append(cls.of(each))
            await asyncio.sleep(0)
        return companies

    @strawberry.field(
        description="Each figure that the tenant has brought, by path; none of a shipped company."
    )
    def figures(self) -> list[Figure]:
        return Figure.all_of(self.company)

    @strawberry.field(
        description="The changes of a company of the tenant's own, newest first; else none."
    )
    async def history(
        self, info: Info, first: Latest = 20, before: BeforeRevision = None
    ) -> list[CompanyRevision]:
        found = await info.context.services.companies.history(
            info.context.principal, self.ticker, limit=first, before=before
        )
        return [CompanyRevision.of(each) for each in found]

    @strawberry.field(description="DCF inputs from these filings, each with its reason.")
    def dcf_inputs(
        self,
        info: Info,
        currency: Currency = None,
        rate: StatedRate = None,
        market: StatedMarket = None,
        with_assumptions: WithAssumptions = None,
    ) -> DcfInputsOutcome:
        derived = info.context.services.companies.dcf_inputs(
            info.context.principal,
            self.company,
            currency,
            None if rate is None else rate.stated(),
            None if market is None else market.stated(),
        )
        own = self.provided is service.Provided.OWN
        sourced = own if with_assumptions is None else with_assumptions
        return DerivedDcfInputs(
            input=InputDocument(derived.sourced() if sourced else derived.document),
            assumptions=[
                Assumption(
                    path=each.path,
                    value=each.value,
                    text=each.text,
                    source=each.source,
                    as_of=each.as_of,
                    author=each.author,
                    note=each.note,
                )
                for each in derived.assumptions
            ],
            notes=list(derived.notes),
        )


@strawberry.type(description="What an import left. What was here already changed nothing.")
class CompanyImport:
    companies: list[Company] = strawberry.field(description="As they are now, in the order given.")
    changed: list[str] = strawberry.field(description="Tickers of those that were changed.")


@strawberry.type(description="A company of the tenant's own was removed; its history is kept.")
class CompanyRemoval:
    ticker: str = strawberry.field(description="In capitals.")
    shown: Company | None = strawberry.field(
        description="Whose figures the ticker has now: the shipped ones, or null for nobody's."
    )


CompanyOutcome: TypeAlias = Annotated[
    Company | Refusal,
    strawberry.union("CompanyOutcome", description="The company as it is now, or what to mend."),
]
CompanyImportOutcome: TypeAlias = Annotated[
    CompanyImport | Refusal,
    strawberry.union(
        "CompanyImportOutcome", description="All of the companies, or what to mend in them."
    ),
]
CompanyRemovalOutcome: TypeAlias = Annotated[
    CompanyRemoval | Refusal,
    strawberry.union("CompanyRemovalOutcome", description="What is left, or why it stays."),
]
Ticker: TypeAlias = Annotated[str, strawberry.argument(description="Such as `AAPL`, in any case.")]


@strawberry.type
class CompanyQuery:
    @strawberry.field(
        description="A company by its ticker, in any case: the tenant's own before a shipped one."
    )
    async def company(self, info: Info, ticker: Ticker) -> Company | None:
        return Company.of(
            await info.context.services.companies.find(info.context.principal, ticker)
        )

    @strawberry.field(
        description="Every company: the tenant's own by ticker, then those that are shipped."
    )
    async def companies(self, info: Info) -> list[Company]:
        everyone = await info.context.services.companies.all(info.context.principal)
        return await Company.all_of(everyone)


@strawberry.type
class CompanyMutation:
    @strawberry.mutation(
        description=(
            "Add a company of the tenant's own. The same again changes nothing; with other figures "
            "for a ticker that is here it is a CONFLICT."
        )
    )
    async def add_company(
        self,
        info: Info,
        company: Annotated[CompanyInput, strawberry.argument(description="All of it.")],
    ) -> CompanyOutcome:
        added = await info.context.services.companies.add(info.context.principal, company.document)
        return Company.of(added)

    @strawberry.mutation(
        description=(
            "Put figures into companies of the tenant's own, new or known: all of it or nothing. "
            "What is not given stays as it is, and what is given again changes nothing."
        )
    )
    async def import_companies(
        self,
        info: Info,
        companies: Annotated[
            list[CompanyInput], strawberry.argument(description="1 to 50, each ticker once.")
        ],
    ) -> CompanyImportOutcome:
        imported, changed = await info.context.services.companies.bring(
            info.context.principal, [each.document for each in companies]
        )
        return CompanyImport(companies=await Company.all_of(imported), changed=list(changed))

    @strawberry.mutation(
        description="Correct or remove one figure of a company of the tenant's own, with history."
    )
    async def correct_figure(
        self,
        info: Info,
        ticker: Ticker,
        path: Annotated[
            str,
            strawberry.argument(
                description=(
                    "Such as `years[2024].revenue`, `balanceSheets[2024-12-31].debtNoncurrent`, "
                    "`prices[2024-12-31].close` or `peers[MSFT].beta`; to remove, a whole period "
                    "such as `years[2024]`, too."
                )
            ),
        ],
        figure: Annotated[
            FigureInput | None,
            strawberry.argument(
                description="What is to stand there; null: what stands there goes."
            ),
        ] = None,
    ) -> CompanyOutcome:
        corrected = await info.context.services.companies.correct(
            info.context.principal, ticker, path, None if figure is None else figure.document
        )
        return Company.of(corrected)

    @strawberry.mutation(
        description=(
            "Remove a company of the tenant's own. Its history is kept, and a shipped company of "
            "the ticker shows again."
        )
    )
    async def remove_company(self, info: Info, ticker: Ticker) -> CompanyRemovalOutcome:
        left = await info.context.services.companies.remove(info.context.principal, ticker)
        return CompanyRemoval(
            ticker=ticker.strip().upper(), shown=None if left is None else Company.of(left)
        )
