"""api.btrscan.com in the simulated world: the fees of Bitlayer as a CSV file, as bytes.

Belongs here: how the file is printed: a label, the second at which a day starts, and wei of BTC, all in quotes. The
day of asking is in it as far as it has come. Only a browser's page is answered.
Not here: what is true (`activity`), and reading such a file (`pipelines.feeds.btrscan`).
Layout: DefiLlama/dimension-adapters:fees/bitlayer.ts reads the second and third column; the heading is assumed.
"""

from __future__ import annotations

from decimal import Decimal

from pipelines.sample.activity import EVM_PLACES, Activity
from pipelines.sample.exchange import Asked, Page, csv, text, whole
from pipelines.sample.paths import DAY
from pipelines.sample.times import midnight, seconds

CHAIN_ID = "bitlayer"
FILE = "POST api.btrscan.com/scan/v1/chain/txForDefillama"
HEADING = '"Date(UTC)","UnixTimeStamp","Value"'


class BtrScan:
    """The explorer's file."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    def answer(self, asked: Asked) -> Page | None:
        """Before the chain began there is a heading alone."""
        if asked.line != FILE:
            return None
        if not asked.headers.get("origin"):
            return text("Forbidden\n", 403)
        lines = [HEADING]
        for day, facts in self._activity.days(CHAIN_ID).items():
            if day <= asked.at.date():
                part = Decimal(min((asked.at - midnight(day)) / DAY, 1))
                wei = whole(facts.fees.scaleb(EVM_PLACES) * part)
                lines.append(f'"{day:%m/%d/%Y}","{seconds(midnight(day))}","{wei}"')
        return csv("\n".join(lines) + "\n")
