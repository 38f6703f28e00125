"""What processes share, or the one process has for itself: jobs, helpdesk quotas, kept results, work under way."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backend.core.ports.budget import Budgets
from backend.core.ports.cache import Caches
from backend.core.ports.flights import Flights
from backend.core.ports.meter import Meter
from backend.core.ports.queue import JobQueue
from backend.settings import Settings
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from backend.storage.inprocess.cache import InProcessCaches
from backend.storage.inprocess.flights import InProcessFlights
from backend.storage.inprocess.queue import InProcessQueue
from backend.storage.redis.budget.budgets import RedisBudgets
from backend.storage.redis.cache import RedisCaches
from backend.storage.redis.flights import RedisFlights
from backend.storage.redis.queue import RedisQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The four together, and how to let go of them."""

    queue: JobQueue
    budgets: Budgets
    caches: Caches
    flights: Flights
    closers: list[Callable[[], Awaitable[None]]]


def in_memory(settings: Settings, meter: Meter) -> Shared:
    """For one process that does everything."""
    flights = InProcessFlights()
    return Shared(
        queue=InProcessQueue(settings.job_concurrency),
        budgets=InProcessBudgets(settings.connector_concurrency, settings.connector_reserved_share, meter=meter),
        caches=InProcessCaches(),
        flights=flights,
        closers=[flights.close],
    )


def in_redis(settings: Settings, meter: Meter, url: str) -> Shared:
    """For any number of processes. Nothing is called yet: Redis may come later."""
    queue = RedisQueue(url, settings.job_concurrency, settings.job_lease_seconds)
    budgets = RedisBudgets(url, settings.connector_concurrency, settings.connector_reserved_share, meter=meter)
    caches, flights = RedisCaches(url), RedisFlights(url, InProcessFlights())
    return Shared(
        queue=queue,
        budgets=budgets,
        caches=caches,
        flights=flights,
        closers=[queue.close, budgets.close, caches.close, flights.close],
    )
