"""How the console looks for a tenant, as the schema says it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from services import branding as branded


@strawberry.type(description="Colours of the console, each as #rrggbb.")
class BrandingColours:
    primary: str = strawberry.field(description="Of what is pressed.")
    accent: str = strawberry.field(description="Of what stands out.")
    background: str = strawberry.field(description="Of the page.")
    text: str = strawberry.field(description="Of what is read.")


@strawberry.input(description="Colours of the console, each as #rrggbb.")
class BrandingColoursInput:
    primary: str = strawberry.field(description="Of what is pressed.")
    accent: str = strawberry.field(description="Of what stands out.")
    background: str = strawberry.field(description="Of the page.")
    text: str = strawberry.field(
        description="Of what is read: its contrast on the background is 4.5 or more (WCAG 2.2 AA)."
    )


@strawberry.input(description="How the console is to look.")
class BrandingInput:
    colours: BrandingColoursInput = strawberry.field(description="All four.")
    name: str | None = strawberry.field(
        description="What the console is called; left out, the tenant's name.", default=None
    )
    logo: str | None = strawberry.field(
        description=(
            "A picture in base64: PNG, JPEG or WebP by its bytes, up to 128 KB, each side from 16 "
            "to 2,048 pixels. Left out, the one that is there stays; null takes it away."
        ),
        default=strawberry.UNSET,
    )


@strawberry.type(description="How the console looks for a tenant. Everybody may see it.")
class Branding:
    name: str | None = strawberry.field(description="What the console is called; null: as always.")
    colours: BrandingColours = strawberry.field(description="All four.")
    url: str = strawberry.field(description="Where it is served as JSON, to everybody.")
    logo_url: str | None = strawberry.field(
        description="Where the logo is served, to everybody; null: there is none."
    )
    updated_at: datetime = strawberry.field(description="UTC.")

    @classmethod
    def of(cls, found: branded.Branding) -> Branding:
        return cls(
            name=found.name,
            colours=BrandingColours(**found.colours),
            url=f"/branding/{found.slug}.json",
            logo_url=f"/branding/{found.slug}/logo" if found.logo_hash else None,
            updated_at=found.updated_at,
        )
