"""Telling how much and how long, without knowing who listens."""

from contextlib import AbstractContextManager
from typing import Protocol


class Meter(Protocol):
    """Counts and times; the metrics registry implements it, `NullMeter` listens to nobody."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter of `observability/metrics.py`."""
        ...

    def level(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge to what is there right now."""
        ...

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Add a measured value, in seconds, to a histogram."""
        ...

    def stage(self, name: str, /) -> AbstractContextManager[None]:
        """Time a stage of the pipeline or of an answer (wall and CPU)."""
        ...
