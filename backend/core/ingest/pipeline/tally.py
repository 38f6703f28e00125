"""What a run has counted so far."""

import msgspec

from backend.core import clock
from backend.core.ingest.collect import Page
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.sync import Run, RunCounts
from backend.core.ports.source import SourceQuota


def counted(run: Run, page: Page[Taken], quota: SourceQuota, *, stored: int, deleted: int) -> Run:
    """The run with a page that is being kept; it is alive, and got somewhere."""
    counts = msgspec.structs.replace(
        run.counts,
        listed=run.counts.listed + page.listed,
        unchanged=run.counts.unchanged + page.unchanged + sum(1 for taken in page.items if taken.document is None),
        stored=run.counts.stored + stored,
        deleted=run.counts.deleted + deleted,
        failed=run.counts.failed + len(page.failures),
        failed_again=run.counts.failed_again + (len(page.failures) if page.again else 0),
        expected=page.total if page.total is not None else run.counts.expected,
    )
    return msgspec.structs.replace(run, counts=with_quota(counts, quota), heartbeat_at=clock.now(), waits=0)


def with_quota(counts: RunCounts, quota: SourceQuota) -> RunCounts:
    """A run's figures with what its Source has spent and waits for."""
    return msgspec.structs.replace(
        counts,
        api_calls=quota.calls,
        api_remaining=quota.remaining,
        api_limit=quota.limit,
        api_waited_seconds=round(quota.waited_seconds, 1),
        api_waiting_for=quota.waiting_for,
        api_waiting_seconds=round(quota.waiting_seconds, 1),
    )
