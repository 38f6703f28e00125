"""Those who wait for a call: by rank, and within a rank in turn."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, Protocol, TypeVar


class Waits(Protocol):
    """Somebody whose turn is a future; it is through with waiting when that is done."""

    turn: asyncio.Future[Any]


W = TypeVar("W", bound=Waits)


class Lines(Generic[W]):
    """Several lines a rank: who needs one thing does not stand before who needs another."""

    def __init__(self, ranks: int) -> None:
        self._lines: dict[Hashable, deque[W]] = {}
        self._turns: tuple[deque[Hashable], ...] = tuple(deque() for _ in range(ranks))

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __iter__(self) -> Iterator[W]:
        for line in self._lines.values():
            yield from (waiter for waiter in line if not waiter.turn.done())

    def in_turn(self) -> list[list[list[W]]]:
        """For each rank the lines as their turns come, each with those who still wait."""
        return [[[waiter for waiter in self._lines[key] if not waiter.turn.done()] for key in turns] for turns in self._turns]

    def add(self, waiter: W, rank: int, name: Hashable) -> None:
        """Stand at the end of a line of this rank."""
        key = (rank, name)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = deque()
            self._turns[rank].append(key)
        line.append(waiter)

    def serve(self, serve: Callable[[W], bool]) -> None:
        """Offer a turn to the first of each line until nobody takes one: ranks in order, lines of a rank one by one.

        `serve` returns whether the waiter is through with waiting.
        """
        for turns in self._turns:
            missed = 0
            while turns and missed < len(turns):
                key = turns[0]
                line = self._lines[key]
                while line and line[0].turn.done():
                    line.popleft()
                if not line:
                    turns.popleft()
                    del self._lines[key]
                    continue
                if serve(line[0]):
                    line.popleft()
                    missed = 0
                else:
                    missed += 1
                turns.rotate(-1)
