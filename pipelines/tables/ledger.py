"""The ledger as relations: every attempt (`feeds.ledger`) and what each answer covers (`feeds.asked`).

They are loaded from the archive like any feed, so marts may read them.
"""

from __future__ import annotations

import dataframely as dy


class Ledger(dy.Schema):
    """One row for each attempt to get an answer, good or bad."""

    fetch_id = dy.String(primary_key=True, description="Derived from feed, request, fetched_at and body")
    source_id = dy.String(description="The source asked (seeds.sources)")
    entity = dy.String(description="What it was asked for; with the source it names the feed")
    table_names = dy.List(dy.String(), description="The tables of schema feeds that the answer fills")
    method = dy.String(description="HTTP method")
    url = dy.String(description="Address with its query, without secrets")
    fetched_at = dy.Datetime(time_unit="us", description="UTC instant of the answer or failure")
    status = dy.Int32(nullable=True, description="HTTP status; null where no answer came")
    outcome = dy.String(description="ok, or the name of what went wrong with the transfer or the body")
    bytes = dy.Int64(nullable=True, description="Length of the decoded body")
    sha256 = dy.String(nullable=True, description="Name of the archived body")
    error = dy.String(nullable=True, description="What went wrong, in words")


class Asked(dy.Schema):
    """What each answered request covered: one row for each entity and range."""

    fetch_id = dy.String(primary_key=True, description="The answer (feeds.ledger)")
    source_id = dy.String(description="The source asked (seeds.sources)")
    table_name = dy.String(description="The table of schema feeds")
    entity_id = dy.String(primary_key=True, description="Fund, chain, asset or bridge")
    from_at = dy.Datetime(time_unit="us", nullable=True, description="First instant covered, UTC")
    to_at = dy.Datetime(time_unit="us", nullable=True, description="End of the range, UTC, not included")
    from_block = dy.Int64(nullable=True, description="First block covered")
    to_block = dy.Int64(nullable=True, description="Last block covered")
    outcome = dy.String(description="ok: an answer without rows for a covered day is an observation")
