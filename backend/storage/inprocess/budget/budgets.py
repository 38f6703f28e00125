"""The budgets of all vendor accounts in one process."""

import time
from typing import Final

from backend.core.model.quota import Lane
from backend.core.ports.meter import Meter
from backend.storage.inprocess.budget.account import Account, AccountSpender, Clock
from backend.storage.inprocess.budget.bucket import MINUTE

_FORGOTTEN_SECONDS: Final = 3_600.0
"""What was learned of an account that nobody calls is kept so long."""


class InProcessBudgets:
    """Budgets in memory: whoever names the same account shares what was learned of it, its quota and its connections.

    `share` of each quota is left to the company's other integrations for as long as they may still use it.
    """

    def __init__(
        self, concurrency: int, share: float = 0.0, *, period: float = MINUTE, clock: Clock = time.monotonic, meter: Meter | None = None
    ) -> None:
        self._concurrency = concurrency
        self._share = share
        self._period = period
        self._clock = clock
        self._meter = meter
        self._accounts: dict[str, Account] = {}

    def join(self, account: str, lane: Lane) -> "AccountSpender":
        """Spend from an account's budget in a lane."""
        found = self._accounts.get(account)
        if found is None:
            now = self._clock()
            self._accounts = {
                name: kept for name, kept in self._accounts.items() if kept.spenders or now < kept.used_at + _FORGOTTEN_SECONDS
            }
            found = self._accounts[account] = Account(self._concurrency, self._share, period=self._period, clock=self._clock)
        return AccountSpender(found, lane, self._meter)
