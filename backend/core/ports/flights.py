"""Work that may outlast the request that began it, and that others who want the same join."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Flights(Protocol):
    """What is under way, by tenant and key."""

    async def join(
        self, company_id: str, key: str, work: Callable[[], Awaitable[T]], seconds: float, *, kind: type[T] | None = None
    ) -> T | None:
        """The result of `work`, begun unless one of this key is under way; None after `seconds`, and the work goes on.

        A result (or what the work raised) waits for a while for the next who joins. A key stands for one type of result;
        with `kind`, a type that msgspec can write, work in other processes is joined too, where they share anything.
        """
        ...
