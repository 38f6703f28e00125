"""Which of a tenant's embedded indexes is searched: a small file that is replaced as a whole."""

import os
from pathlib import Path

import msgspec

from backend.core.model.search import Makers
from backend.storage.qdrant import collections, sealing


def searched(root: Path, company_id: str, present: Makers) -> Makers:
    """The makers of the index that is searched: the present ones where no other index is there to search."""
    return named(root, company_id) or present


def named(root: Path, company_id: str) -> Makers | None:
    """The makers of the index that is searched; None where there is none."""
    try:
        makers = msgspec.json.decode(collections.pointer_file(root, company_id).read_bytes(), type=Makers)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return makers if sealing.current(collections.shard_folder(root, company_id, makers)) is not None else None


def point_to(root: Path, company_id: str, makers: Makers) -> None:
    """Name these from now on; whoever is killed here leaves the old name or the new one."""
    file = collections.pointer_file(root, company_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    making = file.with_suffix(".making")
    with making.open("wb") as out:
        out.write(msgspec.json.encode(makers))
        out.flush()
        os.fsync(out.fileno())
    making.replace(file)
