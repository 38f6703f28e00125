"""How long logs are kept."""

from enum import StrEnum

from msgspec import Struct, field


class Log(StrEnum):
    """What is kept by months."""

    USAGE = "usage"
    AUDIT = "audit"


class Retention(Struct, frozen=True, kw_only=True):
    """For how many months before the present one each log is kept, all of a month or nothing; 0: for ever."""

    usage_months: int = 0
    audit_months: int = 0

    def limits(self) -> list[tuple[Log, int]]:
        """The logs that are not kept for ever."""
        return [(log, months) for log, months in ((Log.USAGE, self.usage_months), (Log.AUDIT, self.audit_months)) if months]


class KeptMonths(Struct, frozen=True, kw_only=True):
    """What was made for the months to come, and what was dropped; names for a log line."""

    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
