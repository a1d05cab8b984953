"""Flows of funds by session: what a cell, a row and a total come to, however an upstream sends them.

Belongs here: which cells are flows, which rows are pending, a holiday or a fault, when a flow is provisional, and
the envelope that JSON services put around their data.
Not here: where the cells stand in a body (`flow_table` for HTML, the feed's own module otherwise).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import polars as pl

from pipelines.feeds.amounts import MINUS, NUMBER, amount, shown
from pipelines.feeds.base import Feed
from pipelines.tables.etf import USD, EtfFlow
from pipelines.wire import Answer, BodyRefused, Outcome

MISSING = re.compile(rf"{MINUS}?")
NOTHING = re.compile(rf"{MINUS}?(?:0+(?:\.0+)?)?|\(0+(?:\.0+)?\)")
CURRENCY = "$"
"""Amounts are printed bare; one with a currency sign may be in another unit and is not read."""
MOST_USD = 10**11
"""Nothing moves a hundred billion US dollars in a session: such an amount is in another unit."""
LEAST_MEDIAN_USD, MOST_MEDIAN_USD = 10**5, 10**10
"""Half of the flows that are not zero lie beyond: then it is the whole answer that is in another unit."""
CODE = re.compile(r"[\w.-]{1,20}")
READING = {
    "fund_id": pl.String,
    "trade_date": pl.Date,
    "source_name": pl.String,
    "text": pl.String,
    "total_text": pl.String,
    "has_silent_fund": pl.Boolean,
    "fault": pl.String,
    "raw": pl.String,
    "locator": pl.String,
}
Record = dict[str, Any]
"""Some of the columns `READING`: a flow, or what is set aside."""


class Cell(NamedTuple):
    """What is printed about one fund, or about all in the total; an empty text where nothing is."""

    name: str
    text: str
    locator: str


class Row(NamedTuple):
    """What is printed about one day."""

    day: date
    cells: list[Cell]
    total: Cell
    raw: str
    locator: str


class FlowFeed(Feed):
    """A feed of `EtfFlow` whose answers name funds by ticker."""

    entity = "etf_flows"
    subject = "etf"
    delivers = EtfFlow
    trades_on = "XNYS"
    flow_basis: ClassVar[str] = "reported"
    usd_per_printed_unit: ClassVar[int] = 1
    fewest_flows: ClassVar[int] = 10
    """So many that are not zero tell the unit of an answer."""

    @cached_property
    def funds(self) -> dict[str, str]:
        """Ticker, as the source writes it -> fund_id."""
        return self.registry.fund_aliases(self.source)

    def is_known_on(self, name: str, day: date) -> bool:
        """Whether the name is a fund of the seeds that is listed on that day."""
        fund_id = self.funds.get(name)
        return fund_id is not None and self.registry.funds[fund_id].is_listed(day)

    def is_closed(self, day: date, today: date) -> bool:
        """Whether a day that has come is no trading session."""
        return day <= today and not self.registry.is_session(day)

    def row(self, row: Row, today: date) -> Iterator[Record]:
        """A record for each cell that says something, one for a row that is neither a session nor a holiday."""
        whole = {"trade_date": row.day, "raw": row.raw, "locator": row.locator}
        if self.is_closed(row.day, today):
            if not all(NOTHING.fullmatch(cell.text) for cell in (*row.cells, row.total)):
                yield whole | {"fault": f"{row.day} is no trading session of XNYS"}
        elif all(MISSING.fullmatch(cell.text) for cell in row.cells):
            if not NOTHING.fullmatch(row.total.text):
                yield whole | {"fault": f"{row.day} has a Total and no fund"}
        elif row.day > today:
            yield whole
        else:
            yield from self._session(row)

    def _session(self, row: Row) -> Iterator[Record]:
        silent = any(self.is_known_on(cell.name, row.day) and MISSING.fullmatch(cell.text) for cell in row.cells)
        if fault := self.total_fault(row.total, row.day):
            yield fault
        for cell in row.cells:
            about = {"trade_date": row.day, "raw": cell.text, "locator": cell.locator}
            if cell.name not in self.funds:
                yield about | {"source_name": cell.name}
            elif self.is_known_on(cell.name, row.day) and not MISSING.fullmatch(cell.text):
                flow = {"text": cell.text, "total_text": row.total.text, "has_silent_fund": silent}
                yield about | {"fund_id": self.funds[cell.name]} | flow

    def total_fault(self, total: Cell, day: date) -> Record | None:
        """What is set aside where the total of a session is there and is no amount."""
        if MISSING.fullmatch(total.text):
            return None
        if re.fullmatch(NUMBER, total.text) and CURRENCY not in total.text:
            size = Decimal(re.sub(r"[^0-9.]", "", total.text))
            if size * self.usd_per_printed_unit <= MOST_USD:
                return None
        reason = f"the Total of {day} is no amount in the source's unit"
        return {"trade_date": day, "raw": total.text, "locator": total.locator, "fault": reason}

    def flows(self, records: Iterable[Record], fetched_at: datetime) -> pl.DataFrame:
        """Columns of `EtfFlow` out of records, printed units as US dollars. Raises `BodyRefused` for other units."""
        settled_at = pl.col("trade_date").cast(pl.Datetime("us")).dt.offset_by("1d") + timedelta(
            hours=self.manners.settle_lag_hours
        )
        is_flow = (pl.col("net_flow_usd").abs() <= MOST_USD).fill_null(value=False)
        total_usd = self._usd("total_text")
        read = pl.DataFrame(list(records), schema=READING).with_columns(
            net_flow_usd=self._usd("text"),
            flow_basis=pl.lit(self.flow_basis),
            printed_total_usd=pl.when(total_usd.abs() <= MOST_USD).then(total_usd),
            is_provisional=(pl.lit(fetched_at) < settled_at) | pl.col("has_silent_fund"),
        )
        self._refuse_another_unit(read)
        return read.with_columns(
            fault=pl.when(pl.col("text").is_not_null() & ~is_flow)
            .then(pl.format("{} of {} is no amount in the source's unit: {}", "fund_id", "trade_date", shown("text")))
            .otherwise("fault")
        ).drop("text", "total_text", "has_silent_fund")

    def _refuse_another_unit(self, read: pl.DataFrame) -> None:
        sizes = read["net_flow_usd"].abs().cast(pl.Float64)
        moved = sizes.filter(sizes > 0)
        median = moved.median() if len(moved) >= self.fewest_flows else None
        if isinstance(median, float) and not LEAST_MEDIAN_USD <= median <= MOST_MEDIAN_USD:
            unit = f"the unit of {self.usd_per_printed_unit:,} US$ that is expected"
            reason = f"the median of {len(moved)} flows is {median:,.0f} US$ in {unit}: the source's unit has changed"
            raise BodyRefused(Outcome.LAYOUT_CHANGED, reason)

    def _usd(self, column: str) -> pl.Expr:
        bare = pl.when(~pl.col(column).str.contains(CURRENCY, literal=True)).then(pl.col(column))
        return amount(bare, USD, self.usd_per_printed_unit)


def enveloped(answer: Answer) -> Any:
    """The data of an answer `{code, msg, data}`. Raises `BodyRefused` where the code tells of an error.

    What the service says beside the code is not repeated: it may hold the key that it was sent.
    """
    body = answer.json()
    if not (isinstance(body, dict) and "code" in body):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, "not an envelope of code, msg and data")
    code = str(body["code"])
    if code != "0":
        outcome = Outcome.RATE_LIMITED if code == "429" else Outcome.HTTP_ERROR
        told = f"error code {code}" if CODE.fullmatch(code) else "an error"
        raise BodyRefused(outcome, f"the service answers with {told}; the archived body has its message")
    return body.get("data")
