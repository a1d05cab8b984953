"""data.sec.gov in the simulated world: the facts that a fund's filings state, as bytes.

Belongs here: which filings there are at an instant, the facts of each, and how a fund tags, scales and rounds them:
FBTC and IBIT state whole coins, the others four decimals. A filing repeats the quarter end before its own, in the
shares of its own day; a reverse split makes the fund file its last quarter again. The converted trust has a filing
from before it was an ETF. A fund that has not filed yet has a page without facts.
Not here: what is true (`world`), and reading such a page (`pipelines.feeds.edgar`).
Layout: the companyfacts service of the SEC, as put together from public figures; no answer is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pipelines.registry import Registry
from pipelines.sample.exchange import Asked, Page, as_json, whole
from pipelines.sample.flows import CONVERTED
from pipelines.sample.prices import strike_at
from pipelines.sample.world import FIRST_SESSION, World

SERVICE = "GET data.sec.gov/api/xbrl/companyfacts/"
PERIOD_ENDS = tuple(
    date.fromisoformat(day) for day in ("2023-12-31", "2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31")
)
CAPITAL = re.compile(r"([A-Z])")

Fact = dict[str, Any]
Facts = dict[str, dict[str, dict[str, Any]]]
"""Taxonomy -> tag -> label, description and the facts by unit."""


@dataclass(frozen=True)
class Style:
    """How a fund's filings state coins and dollars: unit and decimals as in the recorded facts."""

    entity_name: str
    unit: str
    btc_places: int
    usd_places: int = -3
    first_unit: str | None = None
    """The unit of the first filing, where it was written in another way."""


STYLES = {
    "ibit": Style("iShares Bitcoin Trust ETF", "pure", 0, usd_places=0),
    "fbtc": Style("Fidelity Wise Origin Bitcoin Fund", "shares", 0),
    "gbtc": Style("Grayscale Bitcoin Trust ETF", "Number", 4, first_unit="NUMBER"),
    "btc_grayscale_mini": Style("Grayscale Bitcoin Mini Trust ETF", "Bitcoin", 4),
    "arkb": Style("ARK 21Shares Bitcoin ETF", "pure", 4),
    "bitb": Style("Bitwise Bitcoin ETF", "Bitcoin", 4),
}


@dataclass(frozen=True)
class Filing:
    """One filing: the quarter ends it states, its own last."""

    accession: str
    form: str
    filed_on: date
    period_ends: tuple[date, ...]

    def fact(self, on: date, value: int | Decimal) -> Fact:
        """What the filing states of a day."""
        own = self.period_ends[-1]
        return {
            "end": on.isoformat(),
            "val": value,
            "accn": self.accession,
            "fy": own.year,
            "fp": "FY" if own.month == 12 else f"Q{own.month // 3}",
            "form": self.form,
            "filed": self.filed_on.isoformat(),
        }


class Edgar:
    """The service: a page for each fund that the seeds name by its CIK, ten digits, and count by a tag."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._tags = registry.filing_tags
        named = registry.fund_aliases("edgar").items()
        self._funds = {cik: fund_id for cik, fund_id in named if fund_id in STYLES.keys() & self._tags.keys()}
        self._filings = {fund_id: self._made_by(cik, fund_id) for cik, fund_id in self._funds.items()}

    def answer(self, asked: Asked) -> Page | None:
        cik = asked.line.removeprefix(f"{SERVICE}CIK").removesuffix(".json")
        if asked.line != f"{SERVICE}CIK{cik}.json" or cik not in self._funds:
            return None
        fund_id = self._funds[cik]
        filed = [filing for filing in self._filings[fund_id] if filing.filed_on <= asked.at.date()]
        facts = self._facts(fund_id, filed) if filed else {}
        return as_json({"cik": int(cik), "entityName": STYLES[fund_id].entity_name, "facts": facts})

    # --- filings ---

    def _made_by(self, cik: str, fund_id: str) -> list[Filing]:
        """All filings of a fund in the order of their days."""
        stated = [end for end in PERIOD_ENDS if self._held_btc(fund_id, end)]
        drafts = [
            ("10-K" if end.month == 12 else "10-Q", self._filed_on(fund_id, end), tuple(stated[max(n - 1, 0) : n + 1]))
            for n, end in enumerate(stated)
        ]
        for again in self._world.anchors.points(f"{fund_id}.filed_again_after"):
            filed_on = self._day_of_business(again.on + timedelta(days=int(again.value)))
            drafts += [(f"{form}/A", filed_on, ends) for form, _, ends in drafts if ends[-1] == again.on]
        drafts.sort(key=lambda draft: draft[1])
        return [
            Filing(f"{cik}-{filed_on:%y}-{n:06d}", form, filed_on, ends)
            for n, (form, filed_on, ends) in enumerate(drafts, start=1)
        ]

    def _filed_on(self, fund_id: str, end: date) -> date:
        late = "edgar.annual_filed_after" if end.month == 12 else f"{fund_id}.filed_after"
        return self._day_of_business(end + timedelta(days=int(self._world.anchors.only(late).value)))

    def _day_of_business(self, day: date) -> date:
        """The next session where the offices are closed."""
        return next((session for session in self._world.sessions if session >= day), day)

    # --- facts ---

    def _facts(self, fund_id: str, filed: list[Filing]) -> Facts:
        """Facts by taxonomy, tag and unit, in the order of their days and filings."""
        stated = [row for n, filing in enumerate(filed) for row in self._stated(fund_id, filing, is_first=n == 0)]
        facts: Facts = {"dei": {}, "us-gaap": {}}
        for taxonomy, tag, unit, fact in sorted(stated, key=lambda row: (row[3]["end"], row[3]["filed"])):
            label = CAPITAL.sub(r" \1", tag).strip()
            described = {"label": label, "description": "As the filing states it.", "units": {}}
            concept = facts.setdefault(taxonomy, {}).setdefault(tag, described)
            concept["units"].setdefault(unit, []).append(fact)
        for concept in (concept for name in facts.keys() - {"dei"} for concept in facts[name].values()):
            _frame([fact for unit in concept["units"].values() for fact in unit])
        return facts

    def _stated(self, fund_id: str, filing: Filing, is_first: bool) -> Iterator[tuple[str, str, str, Fact]]:
        """Taxonomy, tag, unit and fact of everything that a filing states."""
        style = STYLES[fund_id]
        monthly_fee_ratio = self._world.anchors.only(f"{fund_id}.fee").value / 100 / 12
        coin_unit = style.first_unit if is_first and style.first_unit else style.unit
        cover_day = filing.filed_on - timedelta(days=1)
        cover = filing.fact(cover_day, self._shares(fund_id, cover_day, filing.filed_on))
        yield "dei", "EntityCommonStockSharesOutstanding", "shares", cover
        for end in filing.period_ends:
            held_btc = self._held_btc(fund_id, end)
            value_usd = held_btc * self._world.price.at(strike_at(end))
            net_usd = value_usd * (1 - monthly_fee_ratio)  # a month of the sponsor's fee is owed
            coins = filing.fact(end, _rounded(held_btc, style.btc_places))
            value = filing.fact(end, _rounded(value_usd, style.usd_places))
            net_assets = filing.fact(end, _rounded(net_usd, style.usd_places))
            shares = filing.fact(end, self._shares(fund_id, end, filing.filed_on))
            yield *self._tags[fund_id][0], coin_unit, coins
            yield "us-gaap", "InvestmentOwnedAtFairValue", "USD", value
            yield "us-gaap", "AssetsNet", "USD", net_assets
            yield "us-gaap", "SharesOutstanding", "shares", shares

    def _shares(self, fund_id: str, on: date, counted_on: date) -> int:
        return whole(self._held_btc(fund_id, on) / self._world.shares.btc_per_share(fund_id, on, counted_on))

    def _held_btc(self, fund_id: str, on: date) -> Decimal:
        """Coins at the end of a day: those of the last session, before the first one those of the old trust."""
        if on < FIRST_SESSION:
            return self._world.opening_btc(fund_id) if fund_id == CONVERTED else Decimal(0)
        last = max(session for session in self._world.sessions if session <= on)
        return self._world.held_btc(fund_id, last) or Decimal(0)


def _rounded(value: Decimal, places: int) -> int | Decimal:
    """With so many decimals; with -3 in steps of a thousand."""
    rounded = value.quantize(Decimal(1).scaleb(-places))
    return rounded if places > 0 else int(rounded)


def _frame(facts: list[Fact]) -> None:
    """The fact that was filed last for a quarter end says that it is the one of the calendar quarter."""
    for fact in {fact["end"]: fact for fact in facts}.values():
        end = date.fromisoformat(str(fact["end"]))
        fact["frame"] = f"CY{end.year}Q{end.month // 3}I"
