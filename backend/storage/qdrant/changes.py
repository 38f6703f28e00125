"""How often each tenant's index was changed by this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from backend.core.ids import new_id


class Changes:
    """Counters by tenant; a run of the program never takes up the versions of the one before."""

    def __init__(self) -> None:
        self._run = new_id("run")
        self._counts: Counter[str] = Counter()

    @contextmanager
    def of(self, company_id: str) -> Iterator[None]:
        """Around a write. It counts twice: what was read meanwhile is neither the old state nor the new one."""
        self._counts[company_id] += 1
        try:
            yield
        finally:
            self._counts[company_id] += 1

    def version(self, company_id: str) -> str:
        """Another text after each change."""
        return f"{self._run}/{self._counts[company_id]}"
