"""What a file seems to be, shown before it is read."""

from datetime import datetime

from msgspec import Struct


class PreviewTicket(Struct, frozen=True, kw_only=True):
    """A ticket as it would be read."""

    original_id: str
    subject: str
    status: str
    status_label: str
    priority: str
    requester: str
    created_at: datetime
    updated_at: datetime
    turns: int
    """Without the description."""
    text: str
    """How the description begins."""


class PreviewArticle(Struct, frozen=True, kw_only=True):
    """An article as it would be read."""

    original_id: str
    title: str
    folder: str
    """With its category."""
    visibility: str
    draft: bool


class PreviewFile(Struct, frozen=True, kw_only=True):
    """A file in an archive."""

    path: str
    kind: str
    """As `Preview.kind`, or `broken`, or `new` where it is too large to be looked into."""
    preset: str
    """Of whose account export it is a part; empty: of nobody's."""


class Preview(Struct, frozen=True, kw_only=True):
    """How a file would be read, and what its first tickets would be."""

    path: str
    kind: str
    """`tickets`, `articles`, `document`, `names` of an account export, `passed_over`, or `archive`."""
    written_as: str = ""
    """`CSV, cp949, ;`."""
    preset: str = ""
    """Whose own export it is, where that is known."""
    columns: dict[str, str] = {}
    """Field -> heading."""
    other_columns: tuple[str, ...] = ()
    """Headings that become custom fields."""
    timezone: str = ""
    day_first: bool = False
    tickets: tuple[PreviewTicket, ...] = ()
    articles: tuple[PreviewArticle, ...] = ()
    files: tuple[PreviewFile, ...] = ()
    """Of an archive."""
    problems: tuple[str, ...] = ()
    """Rows that make no sense, by number."""
    declaration: str = ""
    """The same as a declaration to be kept beside the file and changed: YAML."""


class FileState(Struct, frozen=True, kw_only=True):
    """A file that a connection reads."""

    path: str
    size: int
    modified_at: datetime
    uploaded: bool
    kind: str
    """`tickets`, `articles`, `document`, `names`, `broken`, `passed_over`, or `new` where no sync has looked into it."""
    problem: str = ""
