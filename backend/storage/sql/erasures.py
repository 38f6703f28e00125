"""People whose data was erased, and the texts beside Documents that may hold it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Row, Table, delete, func, select, update

from backend.core.model.budget import Purpose
from backend.core.model.erasure import Erasure
from backend.core.ports.erasures import KeptText, TextPlace
from backend.storage.sql.tables import failures
from backend.storage.sql.tables_asked import erasures as table
from backend.storage.sql.tables_judged import answers, feedback, paid_results
from backend.storage.sql.transaction import TenantTables

_erasure = msgspec.json.Decoder(Erasure)
_NO_TEXTS: Final = (Purpose.EMBED_DOCUMENT.value, Purpose.EMBED_QUERY.value)
_key = msgspec.json.Decoder(list[str])


@dataclass(frozen=True)
class _Place:
    """Where the records of a TextPlace are."""

    table: Table
    key: tuple[str, ...]
    data: str | None


_PLACES: Final = {
    TextPlace.ANSWERS: _Place(answers, ("answer_id",), "body"),
    TextPlace.FEEDBACK: _Place(feedback, ("caller", "answer_id", "document_id"), "body"),
    TextPlace.FAILURES: _Place(failures, ("connection_id", "doc_type", "original_id"), None),
    TextPlace.CACHED: _Place(paid_results, ("cache_key",), "value"),
}


class SqlErasureStore(TenantTables):
    """ErasureStore by SQL."""

    async def put(self, erasure: Erasure) -> None:
        """Insert or replace."""
        row = {
            "company_id": self._company_id,
            "erasure_id": erasure.erasure_id,
            "created_at": erasure.created_at,
            "state": erasure.state.value,
            "body": erasure,
        }
        await self._in.upsert(table, [row])

    async def get(self, erasure_id: str) -> Erasure | None:
        """One by id."""
        row = await self._in.row(select(table.c.body).where(table.c.company_id == self._company_id, table.c.erasure_id == erasure_id))
        return _erasure.decode(row.body) if row else None

    async def list(self, limit: int | None = None) -> list[Erasure]:
        """Newest first."""
        query = select(table.c.body).where(table.c.company_id == self._company_id)
        rows = await self._in.rows(query.order_by(table.c.created_at.desc(), table.c.erasure_id.desc()).limit(limit))
        return [_erasure.decode(row.body) for row in rows]

    async def version(self) -> str:
        """How many there are, which is the last, and how many hashes that are: hashes are only ever added."""
        hashes = table.c.body["hashes"].as_string()
        query = select(func.count(), func.max(table.c.created_at), func.sum(func.length(hashes))).where(
            table.c.company_id == self._company_id
        )
        row = await self._in.row(query)
        return f"{row[0]}/{row[1]}/{row[2]}" if row and row[0] else ""

    async def texts(self, place: TextPlace, after: str, limit: int) -> Sequence[KeptText]:
        """Records of a place in the order of their keys, those behind `after`."""
        where = _PLACES[place]
        keys = _columns(where)
        query = select(*where.table.columns).where(where.table.c.company_id == self._company_id)
        if place is TextPlace.CACHED:
            query = query.where(where.table.c.purpose.not_in(_NO_TEXTS))
        if after:
            query = query.where(_behind(keys, _key.decode(after)))
        rows = await self._in.rows(query.order_by(*keys).limit(limit))
        return [KeptText(key=_key_in(where, row), data=_data_in(where, row)) for row in rows]

    async def rewrite(self, place: TextPlace, texts: Mapping[str, bytes | None]) -> int:
        """Key -> what stands there from now on, None to delete it; cached results can only be deleted."""
        where = _PLACES[place]
        changed = 0
        for key, data in sorted(texts.items()):
            mine = (where.table.c.company_id == self._company_id, *_equal(_columns(where), _key.decode(key)))
            if data is None:
                changed += await self._in.write(delete(where.table).where(*mine))
            elif place is TextPlace.CACHED:
                raise ValueError("a kept result of a model is deleted, never changed")
            else:
                changed += await self._in.write(update(where.table).where(*mine).values(**_values(where, data)))
        return changed


def _columns(where: _Place) -> list[Column[Any]]:
    return [where.table.c[name] for name in where.key]


def _equal(columns: Sequence[Column[Any]], values: Sequence[str]) -> list[Any]:
    return [column == value for column, value in zip(columns, values, strict=True)]


def _behind(columns: Sequence[Column[Any]], values: Sequence[str]) -> Any:
    """The condition for what comes after these values in the order of these columns."""
    first, *others = columns
    behind: Any = first > values[0]
    return behind if not others else behind | ((first == values[0]) & _behind(others, values[1:]))


def _key_in(where: _Place, row: Row[Any]) -> str:
    return msgspec.json.encode([getattr(row, name) for name in where.key]).decode()


def _data_in(where: _Place, row: Row[Any]) -> bytes:
    if where.data is None:
        raw = None if row.raw is None else bytes(row.raw).decode(errors="replace")
        return msgspec.json.encode({"message": row.message, "hint": msgspec.Raw(row.hint.encode()), "raw": raw})
    value = getattr(row, where.data)
    return value.encode() if isinstance(value, str) else bytes(value)


def _values(where: _Place, data: bytes) -> dict[str, Any]:
    if where.data is not None:
        return {where.data: msgspec.Raw(data)}
    told = msgspec.json.decode(data)
    raw = told["raw"]
    return {"message": told["message"], "hint": told["hint"], "raw": None if raw is None else raw.encode()}
