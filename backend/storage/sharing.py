"""What processes share, or the one process has for itself: jobs, helpdesk quotas, kept results, work under way, streams, rate limits."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backend.core.ports.budget import Budgets
from backend.core.ports.cache import Caches
from backend.core.ports.flights import Flights
from backend.core.ports.meter import Meter
from backend.core.ports.queue import JobQueue
from backend.core.ports.rates import Rates, RateScope
from backend.core.ports.streams import Streams
from backend.observability.logging import register_secret
from backend.settings import QueueType, Settings
from backend.settings_api import UNLIMITED
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from backend.storage.inprocess.cache import InProcessCaches
from backend.storage.inprocess.flights import InProcessFlights
from backend.storage.inprocess.queue import InProcessQueue
from backend.storage.inprocess.streams import InProcessStreams
from backend.storage.redis.rates import LimitedRates


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Them all, and how to let go of them."""

    queue: JobQueue
    budgets: Budgets
    caches: Caches
    flights: Flights
    streams: Streams
    rates: Rates
    closers: list[Callable[[], Awaitable[None]]]


def share(settings: Settings, meter: Meter) -> Shared:
    """What the settings ask for."""
    if settings.queue_type is QueueType.MEMORY or settings.redis_url is None:
        return in_memory(settings, meter)
    url = settings.redis_url.get_secret_value()
    register_secret(url)
    return in_redis(settings, meter, url)


def in_memory(settings: Settings, meter: Meter) -> Shared:
    """For one process that does everything."""
    flights, rates = InProcessFlights(), LimitedRates(_limits(settings))
    streams = InProcessStreams(settings.stream_kept_seconds)
    return Shared(
        queue=InProcessQueue(settings.job_concurrency),
        budgets=InProcessBudgets(settings.connector_concurrency, settings.connector_reserved_share, meter=meter),
        caches=InProcessCaches(),
        flights=flights,
        streams=streams,
        rates=rates,
        closers=[streams.close, flights.close, rates.close],
    )


def in_redis(settings: Settings, meter: Meter, url: str) -> Shared:
    """For any number of processes. Nothing is called yet: Redis may come later."""
    # Loaded where there is a Redis: the embedded mode never needs it.
    from backend.storage.redis.budget.budgets import RedisBudgets  # noqa: PLC0415
    from backend.storage.redis.cache import RedisCaches  # noqa: PLC0415
    from backend.storage.redis.flights import RedisFlights  # noqa: PLC0415
    from backend.storage.redis.queue import RedisQueue  # noqa: PLC0415
    from backend.storage.redis.streams import RedisStreams  # noqa: PLC0415

    queue = RedisQueue(url, settings.job_concurrency, settings.job_lease_seconds)
    budgets = RedisBudgets(url, settings.connector_concurrency, settings.connector_reserved_share, meter=meter)
    caches, flights, rates = RedisCaches(url), RedisFlights(url, InProcessFlights()), LimitedRates(_limits(settings), url)
    kept = settings.stream_kept_seconds
    streams = RedisStreams(url, InProcessStreams(kept), kept_seconds=kept)
    return Shared(
        queue=queue,
        budgets=budgets,
        caches=caches,
        flights=flights,
        streams=streams,
        rates=rates,
        closers=[queue.close, budgets.close, caches.close, streams.close, flights.close, rates.close],
    )


def _limits(settings: Settings) -> dict[RateScope, str]:
    told = {
        RateScope.ADDRESS: settings.rate_address,
        RateScope.KEY: settings.rate_key,
        RateScope.TENANT: settings.rate_tenant,
        RateScope.WEBHOOK: settings.rate_webhook,
        RateScope.LOGIN_ADDRESS: settings.rate_login_address,
        RateScope.LOGIN: settings.rate_login,
    }
    return {scope: rate for scope, rate in told.items() if rate != UNLIMITED}
