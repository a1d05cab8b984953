"""Which transactions a chain writes itself, by the rules of `seeds.system_transactions`.

Belongs here: rules to one polars expression. Not here: the rules (they live in the seed).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import polars as pl

from pipelines.bridges import SystemTransaction


def is_system(rules: Iterable[SystemTransaction]) -> pl.Expr:
    """Whether a transaction (columns from, to, selector, type) is one of the chain's own.

    All fields of a rule must hold; of a field with several values one must.
    """
    values: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        values[rule.rule][rule.field].append(rule.value)
    holds = [
        pl.all_horizontal([pl.col(field).is_in(told).fill_null(value=False) for field, told in fields.items()])
        for fields in values.values()
    ]
    return pl.any_horizontal(holds) if holds else pl.lit(value=False)
