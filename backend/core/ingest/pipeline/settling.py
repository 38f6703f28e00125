"""When the version of an item may be trusted."""

from datetime import datetime, timedelta

SETTLING = timedelta(minutes=2)
"""A version is not trusted sooner after the change it stands for; the platform's clock and ours may differ by as much."""


def settled_version(version: str, changed_at: datetime, now: datetime) -> str:
    """A version that may be trusted, or one that no listing will ever name, so that the item is read once more.

    Platforms tell times in whole seconds: what changes again within the second in which it was read has the version that
    is stored already, and would be taken for unchanged for ever.
    """
    return version if now - changed_at > SETTLING else f"{version}~"
