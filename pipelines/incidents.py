"""What to tell a person about a failed request or a refused body: which, why, and what to do now.

Belongs here: the choice of attempts that count as incidents, and the next step for each outcome.
"""

from __future__ import annotations

import polars as pl

from pipelines.feeds.base import Feed
from pipelines.warehouse.batch import Incident
from pipelines.wire import Outcome

IMPORT = (
    "Save the page from a browser, file it and load it:\n"
    "  outcrop archive import --url {url} --file FILE --fetched-at TIME\n"
    "  outcrop load --feeds live\n"
    "For an archive of your own add --archive DIR to the first and run: outcrop run --feeds archive --archive DIR"
)
LATER = "The next run asks again; what was loaded before stands."
LOOK = (
    "The body is kept: `outcrop archive ls` lists it as {fetch_id}. Compare it with {module}; once that reads it,"
    " `outcrop load` loads it without a new request."
)
NEXT_STEPS = {
    Outcome.CONNECTION_ERROR: "Check the network. " + LATER,
    Outcome.TIMEOUT: LATER,
    Outcome.RATE_LIMITED: "Wait as long as it asks for. " + LATER,
    Outcome.BUDGET_SPENT: "Nothing to do: the day's request budget (seeds.sources) is spent. " + LATER,
    Outcome.HTTP_ERROR: "Open the address in a browser; where it moved, change {module}. " + LATER,
    Outcome.REDIRECT_REFUSED: "Where the new host is right, register it in seeds.sources. " + LATER,
    Outcome.TOO_LARGE: "Look at the address in a browser; OUTCROP_MAX_BODY_BYTES raises the cap.",
    Outcome.EMPTY_BODY: LATER,
    Outcome.TRUNCATED: LATER,
    Outcome.CHALLENGE: IMPORT,
    Outcome.WRONG_TYPE: IMPORT,
    Outcome.LAYOUT_CHANGED: LOOK,
    Outcome.TOO_MANY_FAULTS: LOOK,
    Outcome.CONFLICTING_ROWS: LOOK,
    Outcome.RPC_ERROR: "See the node's words; where it does not serve this, rank another one first. " + LATER,
    Outcome.NULL_RESULT: "The node lacks that block: it may be behind. " + LATER,
    Outcome.WRONG_CHAIN: "Take that endpoint out of seeds.source_endpoints, or out of OUTCROP_ENDPOINTS. " + LATER,
    Outcome.WRONG_ANSWER: "The node answered something else; where it does so again, rank another one first. " + LATER,
    Outcome.RANGE_TOO_LARGE: "The node refuses even one block; rank another one first. " + LATER,
    Outcome.STALE: "Open {url} in a browser: it may stand still, or write its dates in another order. " + LATER,
}
BODY_OUTCOMES = {
    Outcome.EMPTY_BODY,
    Outcome.TRUNCATED,
    Outcome.CHALLENGE,
    Outcome.WRONG_TYPE,
    Outcome.LAYOUT_CHANGED,
    Outcome.TOO_MANY_FAULTS,
    Outcome.CONFLICTING_ROWS,
    Outcome.STALE,
}


def incidents_of(feed: Feed, attempts: pl.DataFrame) -> list[Incident]:
    """The attempts, columns of `tables.ledger.Ledger`, that a person should know of, oldest first.

    A refused body always counts; a day without data is no trouble. Of the failed transfers of one question only
    the last counts, and none where the question was answered later: they were tries at the same thing.
    """
    open_ones = feed.unhealed(attempts)
    if open_ones is not None:
        return [_incident(feed, row) for row in open_ones.sort("fetched_at", "fetch_id").iter_rows(named=True)]
    question = ("method", "url")
    is_good = pl.col("outcome") == Outcome.OK
    is_body = pl.col("sha256").is_not_null() & pl.col("outcome").is_in([*BODY_OUTCOMES])
    answered_at = pl.col("fetched_at").filter(is_good).max().over(question)
    told = attempts.sort("fetched_at", "fetch_id").with_columns(is_body=is_body, answered_at=answered_at)
    failed = told.filter(~is_good, pl.col("outcome") != Outcome.NO_DATA)
    is_last = pl.col("fetch_id") == pl.col("fetch_id").last().over(*question, "is_body")
    is_healed = (pl.col("fetched_at") <= pl.col("answered_at")).fill_null(value=False)
    bad = failed.filter(pl.col("is_body") | (is_last & ~is_healed))
    return [_incident(feed, row) for row in bad.iter_rows(named=True)]


def _next_step(feed: Feed, outcome: Outcome) -> str:
    if outcome is Outcome.HTTP_ERROR and feed.manners.access == "key":
        return f"Where the key was refused, set another: OUTCROP_KEYS__{feed.source.upper()}. " + LATER
    return NEXT_STEPS[outcome]


def _incident(feed: Feed, row: dict) -> Incident:
    outcome = Outcome(row["outcome"])
    module = feed.__module__.replace(".", "/") + ".py"
    return Incident(
        outcome=str(outcome),
        request=f"{row['method']} {row['url']}",
        reason=row["error"] or "",
        next_step=_next_step(feed, outcome).format(url=row["url"], fetch_id=row["fetch_id"], module=module),
        fetch_id=row["fetch_id"],
        fetched_at=row["fetched_at"],
    )
