"""What the issuers of the simulated world publish of their funds: when, and which figures.

Belongs here: the last session that is out at an instant, and a fund's coins, assets and shares after a session.
An issuer has no reporting lag: its file of a session holds what the session brought.
Not here: how an issuer prints it (one module each beside this one).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from pipelines.sample.world import World

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Books:
    """A fund after a session. `reference_usd` is the price of a bitcoin at which it strikes."""

    session: date
    btc: Decimal
    reference_usd: Decimal
    shares: Decimal

    @property
    def value_usd(self) -> Decimal:
        """The coins in US dollars and cents."""
        return (self.btc * self.reference_usd).quantize(CENT)


class Issuers:
    """The books of all funds, out at the same hour of the next day."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.published_after = timedelta(hours=world.anchors.number("issuers.published_after"))

    def is_out(self, session: date, at: datetime) -> bool:
        """Whether a day is a session that the issuers have published."""
        return session in self._world.published(at, self.published_after)

    def latest(self, fund_id: str, at: datetime) -> Books | None:
        """The books of the last session that is out, None before the first."""
        out = self._world.published(at, self.published_after)
        return self.books(fund_id, out[-1]) if out else None

    def books(self, fund_id: str, session: date) -> Books | None:
        """The books after a session, None before the listing."""
        btc = self._world.held_btc(fund_id, session)
        shares = self._world.shares_outstanding(fund_id, session)
        if btc is None or shares is None:
            return None
        return Books(session, btc, self._world.reference_usd(fund_id, session), shares)
