"""How the rows of a file are understood: which column is which field."""

from enum import StrEnum
from functools import cached_property

from msgspec import Struct


class Field(StrEnum):
    """What a column can be."""

    ID = "id"
    SUBJECT = "subject"
    DESCRIPTION = "description"
    ANSWER = "answer"
    STATUS = "status"
    PRIORITY = "priority"
    REQUESTER = "requester"
    REQUESTER_EMAIL = "requester_email"
    REQUESTER_ID = "requester_id"
    ORGANIZATION = "organization"
    ASSIGNEE = "assignee"
    GROUP = "group"
    PRODUCT = "product"
    TYPE = "type"
    CHANNEL = "channel"
    TAGS = "tags"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    RESOLVED_AT = "resolved_at"
    URL = "url"
    SATISFACTION = "satisfaction"
    ATTACHMENTS = "attachments"
    DELETED = "deleted"
    SPAM = "spam"
    TURNS = "turns"
    TURN_ID = "turn_id"
    TURN_BODY = "turn_body"
    TURN_AUTHOR = "turn_author"
    TURN_ROLE = "turn_role"
    TURN_PRIVATE = "turn_private"
    TURN_PUBLIC = "turn_public"
    TURN_AT = "turn_at"


class Plan(Struct, frozen=True, kw_only=True, dict=True):
    """How to read a file's rows; all that `normalize` needs to know. What follows from the columns is told once for all rows."""

    columns: dict[str, str] = {}
    """Field -> heading."""
    preset: str = ""
    """Whose export it is: `freshdesk` and `zendesk` have numbers and words of their own."""
    timezone: str = "UTC"
    """Of times that don't say theirs: an IANA name."""
    day_first: bool = False
    """03/11/2025 is in November."""
    encoding: str = ""
    """Declared; empty: detected."""
    product: str = ""
    """Of all tickets that name none."""
    statuses: dict[str, str] = {}
    """The company's own word -> open, pending, resolved or closed."""
    id_prefix: str = ""
    """Keeps the ids of two systems apart."""

    def heading(self, field: Field) -> str:
        """The column of a field, empty where there is none."""
        return self.columns.get(field, "")

    @cached_property
    def times(self) -> tuple[str, ...]:
        """The columns that tell when a ticket changed."""
        return self._headings(Field.UPDATED_AT, Field.TURN_AT, Field.CREATED_AT)

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """The columns that say yes of a ticket that is gone."""
        return self._headings(Field.DELETED, Field.SPAM)

    @cached_property
    def known(self) -> frozenset[str]:
        """The columns that are fields of ours."""
        return frozenset(self.columns.values())

    @cached_property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Each field and its column."""
        return tuple((field, heading) for field, heading in self.columns.items() if heading)

    def _headings(self, *fields: Field) -> tuple[str, ...]:
        return tuple(heading for field in fields if (heading := self.heading(field)))
