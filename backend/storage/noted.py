"""Names that were seen, for a time: what a process remembers by itself of what must happen once."""

from collections import OrderedDict
from time import monotonic


class Noted:
    """All that were noted are kept until their time is over, however many there are."""

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def first(self, company_id: str, name: str, seconds: float) -> bool:
        """Note a name; False where it was noted before and its time is not over."""
        now = monotonic()
        # Most have the same time to live, so what is over stands in front.
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        place = (company_id, name)
        if self._until.get(place, 0.0) > now:
            return False
        self._until.pop(place, None)
        self._until[place] = now + seconds
        return True
