"""A PostgreSQL server for what is run once on a new one."""

from tests.support.postgres import postgres_server

__all__ = ["postgres_server"]
