"""What products.yml may say: everything a customer could buy, and for whom it is. What fits and is not bought is the white
space. Pure. Read by authoring.company; `could_own(…)`, the brief of hand-offs and the report use it."""

from __future__ import annotations

from pydantic import Field

from bot.rules.field_types import ConditionText, Name, Part, Text
from bot.rules.steps_model import key


class Product(Part):
    """One product; its name is what subscriptions call it."""

    title: Text = Field(description="What people read in cards and reports.")
    when: ConditionText | None = Field(
        None, description="For which customers it is; without it for everybody.", json_schema_extra=key("for")
    )


class ProductsFile(Part):
    """products.yml: name → product."""

    named: dict[Name, Product] = Field(default_factory=dict, description="The products by name.")
