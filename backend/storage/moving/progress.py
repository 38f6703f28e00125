"""How far a long command is."""

from collections.abc import Callable

Tell = Callable[[str, int, int], None]
"""What is being done, how many rows and files are done, and how many there are."""


class Progress:
    """Counts what is done, and tells it."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.done = 0
        self.total = 0

    def expect(self, more: int) -> None:
        """So many more are to be done."""
        self.total += more

    def step(self, what: str, count: int = 1) -> None:
        """So many more were done."""
        self.done += count
        self._tell(what, self.done, max(self.total, self.done))


def silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""
