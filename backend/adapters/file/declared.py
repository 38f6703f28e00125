"""What people declare about files in a small YAML: which column is what, the time zone, who may see a document.

In `desklore.yaml` at the top of a folder, for many files by patterns, or in `tickets.csv.desklore.yaml` beside one.
"""

import hashlib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, Literal
from zoneinfo import ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from backend.adapters.file.tickets.plan import Field, Plan
from backend.adapters.file.tickets.times import zone_of
from backend.core.errors import AppError, Code

FOR_ALL: Final = "desklore.yaml"
BESIDE: Final = ".desklore.yaml"
LARGEST: Final = 256_000
"""Bytes; what is larger is no declaration."""


class Declared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is declared of one file, or of those that a pattern names."""

    kind: Literal["", "tickets", "document", "ignore"] = ""
    """Empty: judged by what is in it."""
    columns: dict[str, str] = {}
    """Field -> heading; an empty heading says that there is none. What is not named is guessed."""
    timezone: str = ""
    encoding: str = ""
    day_first: bool | None = None
    id_prefix: str = ""
    product: str = ""
    statuses: dict[str, Literal["open", "pending", "resolved", "closed"]] = {}
    visibility: Literal["", "public", "restricted", "internal"] = ""
    """Of a document; empty: internal, for agents only."""
    title: str = ""
    """Of a document; empty: the file's name."""

    def digest(self) -> str:
        """Changes whenever it does; empty where nothing is declared."""
        plain = msgspec.json.encode(self, order="sorted")
        return "" if plain == b"{}" else hashlib.sha256(plain).hexdigest()[:16]

    def applied(self, guessed: Plan | None) -> Plan:
        """The guess, with what is declared in its place."""
        plan = guessed or Plan()
        named = dict(plan.columns)
        taken = set(self.columns.values())
        named = {field: heading for field, heading in named.items() if heading not in taken} | self.columns
        return msgspec.structs.replace(
            plan,
            columns={field: heading for field, heading in named.items() if heading},
            timezone=self.timezone or plan.timezone,
            encoding=self.encoding or plan.encoding,
            day_first=plan.day_first if self.day_first is None else self.day_first,
            id_prefix=self.id_prefix,
            product=self.product,
            statuses={**self.statuses, **{word.casefold(): status for word, status in self.statuses.items()}},
        )


class Declarations(Struct, frozen=True, kw_only=True):
    """Everything that is declared: what was declared here goes before what lies among the files."""

    first: tuple[tuple[str, Declared], ...] = ()
    """By patterns, over the API."""
    beside: Mapping[str, Declared] = {}
    """By the path of the file."""
    patterns: tuple[tuple[str, Declared], ...] = ()

    def of(self, path: str) -> Declared:
        """What holds for a file: the first pattern that fits its path or its name, or what lies beside it."""
        return _fitting(self.first, path) or self.beside.get(path) or _fitting(self.patterns, path) or Declared()


def _fitting(patterns: tuple[tuple[str, Declared], ...], path: str) -> Declared | None:
    names = {path, path.removeprefix("upload:"), path.rpartition("/")[2]}
    return next((each for pattern, each in patterns if any(fnmatchcase(name, pattern) for name in names)), None)


def read_one(data: bytes, name: str) -> Declared:
    """What is declared of one file. Raises INVALID_REQUEST that names the mistake."""
    return _declared(_loaded(data, name), name)


def read_patterns(data: bytes, name: str) -> tuple[tuple[str, Declared], ...]:
    """What `desklore.yaml` declares, in its order. Raises INVALID_REQUEST that names the mistake."""
    loaded = _loaded(data, name)
    files = loaded.get("files")
    if set(loaded) - {"files"} or not isinstance(files, dict):
        raise _refused(name, "it must hold `files:` with a pattern for each kind of file, and nothing else")
    return tuple((str(pattern), _declared(each or {}, f"{name}, {pattern}")) for pattern, each in files.items())


def _loaded(data: bytes, name: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - few connections declare anything

    if len(data) > LARGEST:
        raise _refused(name, "it is too large")
    try:
        loaded = yaml.safe_load(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise _refused(name, f"it is no YAML in UTF-8 ({type(error).__name__})") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise _refused(name, "it must hold `name: value` lines")
    return loaded


def _declared(value: Any, name: str) -> Declared:
    try:
        found = msgspec.convert(value, Declared, strict=False)
        if found.timezone:
            zone_of(found.timezone)
    except msgspec.ValidationError as error:
        raise _refused(name, str(error)) from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _refused(name, "its time zone is none; name one like Asia/Seoul") from None
    unknown = sorted(set(found.columns) - {field.value for field in Field})
    if unknown:
        raise _refused(name, f"there is no field {', '.join(unknown)}; there are: {', '.join(field.value for field in Field)}")
    return found


def _refused(name: str, why: str) -> AppError:
    return AppError(Code.INVALID_REQUEST, f"The declaration {name} can't be followed: {why}.")
