"""Work that needs a processor and nothing else, done beside the event loop."""

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Compute(Protocol):
    """Runs pure functions where they keep nobody waiting: a sync must not slow an agent's request down."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work`. Function, arguments and result may cross to another process: they have to be picklable."""
        ...

    async def run_whole(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, of a large piece of work, such as a batch of a thousand items: it never waits for others to travel with."""
        ...

    async def close(self) -> None:
        """Let go of processes."""
        ...
