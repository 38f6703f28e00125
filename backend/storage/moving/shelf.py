"""A folder of backups, each named by its moment, of which the newest are kept."""

import re
from datetime import datetime
from pathlib import Path

from backend.storage.moving.aside import told

_STAMP = "%Y%m%dT%H%M%SZ"


def name_at(moment: datetime, company: str | None) -> str:
    """The name of a backup that is made at this moment (UTC); names of one company, or of the installation, sort by time."""
    return f"{_beginning(company)}{moment:{_STAMP}}.tar"


def forget_oldest(folder: Path, keep: int, company: str | None) -> list[str]:
    """Delete all backups of this kind but the newest `keep`; their names. No other file is touched. Blocks."""
    name = re.compile(re.escape(_beginning(company)) + r"\d{8}T\d{6}Z\.tar")
    with told(folder):
        old = sorted((each for each in folder.iterdir() if name.fullmatch(each.name) and each.is_file()), key=lambda each: each.name)[
            :-keep
        ]
        for each in old:
            each.unlink(missing_ok=True)
    return [each.name for each in old]


def _beginning(company: str | None) -> str:
    return "desklore-" if company is None else f"desklore-{company}-"
