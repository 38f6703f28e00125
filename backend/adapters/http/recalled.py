"""Names that were loaded once, as they are kept beside the archive and taken from there (see Remakes)."""

from typing import Generic, TypeVar

import msgspec

from backend.adapters.http.once import Once
from backend.core.errors import AppError, Code

T = TypeVar("T")


class Recalled(Generic[T]):
    """The names of one Source, written and read as JSON."""

    def __init__(self, once: Once[T], kind: type[T]) -> None:
        self._once = once
        self._kind = kind
        self._written: tuple[T, bytes] | None = None

    @property
    def written(self) -> bytes | None:
        """The names as they were loaded last, the same object until they are loaded anew; None while they never were."""
        known = self._once.known
        if known is None:
            return None
        if self._written is None or self._written[0] is not known:
            self._written = (known, msgspec.json.encode(known))
        return self._written[1]

    def recall(self, names: bytes) -> None:
        """Take these names and ask nobody. What can't be read is left out."""
        try:
            self._once.keep(msgspec.json.decode(names, type=self._kind))
        except (msgspec.ValidationError, msgspec.DecodeError):
            return

    def names(self) -> T:
        """The names. Raises ARCHIVE_INCOMPLETE where none were kept."""
        known = self._once.known
        if known is None:
            raise incomplete("the account's names were not kept")
        return known


def incomplete(why: str) -> AppError:
    """What is raised where an item can't be made again without a call."""
    return AppError(Code.ARCHIVE_INCOMPLETE, f"The archive lacks what it takes to make the item again: {why}.")


def payload_of(raw: bytes, kind: type[T], vendor: str) -> T:
    """An archived payload. Raises SOURCE_MALFORMED."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise AppError(Code.SOURCE_MALFORMED, f"What is archived of {vendor} has another shape than is written: {error}.") from None
