"""What the UI shows beside a feed: checks that warn of upstream trouble and never stop a run.

Belongs here: the checks of fetching and loading. The data tests of the marts are dbt's.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from pipelines.ingest import Fetched, Loaded

ANSWERED = "every_request_was_answered"
ACCEPTED = "every_body_was_accepted"
ROWS_VALID = "no_row_was_rejected"
NAMES_KNOWN = "every_name_is_known"

ABOUT = {
    ANSWERED: "Each request brought a body; where not, the last good answers stand",
    ACCEPTED: "Each new body was what it should be; a refused one is kept and nothing of it is loaded",
    ROWS_VALID: "Each row kept the rules of the contract; the others are in meta.rejected_rows",
    NAMES_KNOWN: "The seeds know each fund, chain and asset; the others are in meta.unknown_names",
}


def specs(asset: dg.AssetKey, *names: str) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(name=name, asset=asset, description=ABOUT[name]) for name in names]


MOST_TOLD = 3
"""Problems of one kind that are told in words; the rest are counted."""


def _result(name: str, problems: list[str], asset: dg.AssetKey | None = None) -> dg.AssetCheckResult:
    more = [f"and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else []
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join([*problems[:MOST_TOLD], *more]) or ABOUT[name],
        metadata={"problems": len(problems)},
    )


def of_fetch(report: Fetched) -> Iterator[dg.AssetCheckResult]:
    yield _result(ANSWERED, [f"{failure.request}: {failure.reason}" for failure in report.troubles])


def of_load(report: Loaded, asset: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    standing = report.standing
    yield _result(ACCEPTED, [f"{one.outcome}: {one.reason}. {one.next_step}" for one in report.incidents], asset)
    yield _result(ROWS_VALID, [f"{standing.rejected_rows} rows"] if standing.rejected_rows else [], asset)
    yield _result(NAMES_KNOWN, standing.unknown_names, asset)
