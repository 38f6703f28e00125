"""What a sandbox counts."""

from collections import Counter
from dataclasses import dataclass, field

from sandbox.data.model import Json


@dataclass(slots=True)
class Stats:
    """What clients did."""

    #: Requests by `METHOD /shape`, both listeners together.
    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    active: int = 0
    #: The most requests that were under way at one moment.
    max_active: int = 0
    bytes_sent: int = 0

    @property
    def total(self) -> int:
        """All requests so far."""
        return sum(self.requests.values())

    def clear(self) -> None:
        """Start counting anew."""
        self.requests.clear()
        self.statuses.clear()
        self.max_active = self.active
        self.bytes_sent = 0

    def report(self) -> Json:
        """The numbers as JSON."""
        return {
            "total": self.total,
            "requests": dict(self.requests),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "active": self.active,
            "max_active": self.max_active,
            "bytes_sent": self.bytes_sent,
        }
