"""Names out of account exports, as the catalog keeps them between two syncs."""

import hashlib
import sqlite3
from collections.abc import Collection, Iterable
from typing import Any, Final

import orjson

_AT_ONCE: Final = 500
_DIGEST_CHARS: Final = 24


class ExportMemory:
    """The `names` of one catalog: which file says who is called how."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, file: int, platform: str, names: Iterable[tuple[str, Any]]) -> None:
        """What a file of a platform's export names."""
        rows = ((file, f"{platform}/{key}", orjson.dumps(value)) for key, value in names)
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO names VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def digest(self, folder: str) -> str:
        """Of all that the files of a folder name: the same while nobody is called otherwise. Empty where they name nobody."""
        files = self._lying_in(folder)
        query = f"SELECT DISTINCT key, value FROM names WHERE file IN ({_marks(files)}) ORDER BY key, value"  # noqa: S608 - question marks
        digest, count = hashlib.sha256(), 0
        for key, value in self._db.execute(query, files):
            digest.update(key.encode() + b"\x1f" + value + b"\x1e")
            count += 1
        return digest.hexdigest()[:_DIGEST_CHARS] if count else ""

    def names(self, folder: str, platform: str, keys: Collection[str]) -> dict[str, Any]:
        """Those of these names that the files of a folder tell."""
        self._db.execute("CREATE INDEX IF NOT EXISTS names_key ON names (key)")
        files, begins = self._lying_in(folder), f"{platform}/"
        found: dict[str, Any] = {}
        wanted = [f"{begins}{key}" for key in keys]
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            query = f"SELECT key, value FROM names WHERE key IN ({_marks(some)}) AND file IN ({_marks(files)}) ORDER BY key, value"  # noqa: S608 - question marks
            found |= {key.removeprefix(begins): orjson.loads(value) for key, value in self._db.execute(query, (*some, *files))}
        return found

    def without_knowledge(self) -> list[tuple[str, str]]:
        """The files of account exports that nothing is found in, by path, each with what it is."""
        # What is nobody's has no platform before the slash of its role.
        of_export = "declared LIKE '%/%' AND declared NOT LIKE '%' || char(31) || '/%'"
        query = f"SELECT path, kind FROM files WHERE kind IN ('names', 'passed_over') AND {of_export} ORDER BY path"  # noqa: S608 - nothing that somebody wrote
        return [(path, kind) for path, kind in self._db.execute(query)]

    def _lying_in(self, folder: str) -> tuple[int, ...]:
        files = self._db.execute("SELECT file, path FROM files WHERE kind = 'names'")
        return tuple([file for file, path in files if path.rpartition("/")[0] == folder])


def _marks(values: Collection[object]) -> str:
    return ",".join("?" * len(values))
