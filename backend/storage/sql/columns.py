"""Types of columns that SQLite and PostgreSQL share, and the column every key begins with."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Dialect, ForeignKey, MetaData, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from backend.storage.sql.packing import text_of

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A msgspec value goes in as it is and comes out as JSON text: the engine encodes, the store decodes to its own type."""


class UtcTime(TypeDecorator[datetime]):
    """A moment, stored as UTC and read back with its time zone, which SQLite does not keep.

    In SQLite it is ISO 8601 text of fixed length, so that the order of texts is the order of times.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """To what the driver takes."""
        return text_of if dialect.name == "sqlite" else _to_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002 - SQLAlchemy's signature
        """From what the driver gives."""
        return _from_text if dialect.name == "sqlite" else _to_utc


def _to_utc(value: datetime | None) -> datetime | None:
    """The moment in UTC; refuses a time without a zone, since nobody could tell what it means."""
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a stored time needs a time zone")
    return value.astimezone(UTC)


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def company(*, of_tenant: bool = True) -> Column[str]:
    """The first column of every key. With the foreign key a late job can't write for a tenant that was deleted."""
    if of_tenant:
        return Column("company_id", String(63), ForeignKey("tenants.company_id"), nullable=False)
    return Column("company_id", String(63), nullable=False)


def new_metadata() -> MetaData:
    """For the tables, with the names of keys and indexes made by one rule: migrations name them too."""
    return MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        }
    )


metadata = new_metadata()
"""Of all tables; whole in schema.py."""
