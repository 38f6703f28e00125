"""How long logs are kept, and what else piles up."""

from enum import StrEnum

from msgspec import Struct, field


class Log(StrEnum):
    """What is kept by months."""

    USAGE = "usage"
    AUDIT = "audit"
    ANSWERS = "answers"
    PAID_RESULTS = "paid_results"


class Retention(Struct, frozen=True, kw_only=True):
    """For how many months before the present one each log is kept, all of a month or nothing; 0: for ever. And what else is tidied."""

    run_days: int = 90
    """Runs that began longer ago are forgotten once they have ended, all but the latest of each connection; 0: never."""
    export_days: int = 7
    """A company's export is deleted so many days after it was written."""
    archive_days: int = 7
    """Every so many days old payloads are taken out of a connection's archive; 0: never."""
    usage_months: int = 0
    audit_months: int = 0
    answer_months: int = 0
    paid_months: int = 0

    def limits(self) -> list[tuple[Log, int]]:
        """The logs that are not kept for ever."""
        every = (
            (Log.USAGE, self.usage_months),
            (Log.AUDIT, self.audit_months),
            (Log.ANSWERS, self.answer_months),
            (Log.PAID_RESULTS, self.paid_months),
        )
        return [(log, months) for log, months in every if months]


class KeptMonths(Struct, frozen=True, kw_only=True):
    """What was made for the months to come, and what was dropped; names for a log line."""

    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
