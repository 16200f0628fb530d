"""Named sets of changes to a model, and how likely somebody thinks they are."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from resolvers.scalars import InputValue
from services.labels import label_of
from services.model import Model
from services.model_reading import Likely
from services.shapes import steps_of


@strawberry.type(description="What a scenario changes one input to.")
class ScenarioChange:
    path: str = strawberry.field(description="Of the input.")
    label: str = strawberry.field(description="The same in the field's words.")
    value: InputValue | None = strawberry.field(
        description="As JSON; null: left out, or its default."
    )


@strawberry.type(description="A named set of changes to the inputs, made before valuing.")
class Scenario:
    key: str = strawberry.field(description="Names it in `valueModel` and in paths.")
    name: str = strawberry.field(description="As people call it.")
    changes: list[ScenarioChange] = strawberry.field(description="Made in this order.")

    @classmethod
    def of(cls, model: Model, key: str) -> Scenario:
        kept = model.scenarios[key]
        return cls(
            key=key,
            name=kept["name"],
            changes=[
                ScenarioChange(
                    path=change["path"],
                    label=label_of(model.kind.labels, steps_of(change["path"]) or ()),
                    value=None if change["value"] is None else InputValue(change["value"]),
                )
                for change in kept["changes"]
            ],
        )


@strawberry.input(description="How likely a scenario of a model is.")
class ScenarioProbabilityInput:
    probability: float = strawberry.field(description="From 0 to 1.")
    scenario: str | None = strawberry.field(
        description="Key of the scenario; left out, the model itself.", default=None
    )


Probabilities: TypeAlias = Annotated[
    list[ScenarioProbabilityInput] | None,
    strawberry.argument(
        description=(
            "One for each scenario, adding up to 1; the model itself counts with 0 unless it is "
            "named as well. Left out: nothing is weighed."
        )
    ),
]


def shared_of(given: list[ScenarioProbabilityInput] | None) -> list[Likely] | None:
    return None if given is None else [Likely(each.scenario, each.probability) for each in given]
