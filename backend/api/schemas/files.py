"""JSON of files that a connection reads."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.base import In, Out


class UploadOut(Out):
    """A file as it was kept."""

    path: str
    size: int
    sha256: str
    uploaded_at: datetime


class FileOut(Out):
    """A file that the connection reads."""

    path: str
    size: int
    modified_at: datetime
    uploaded: bool
    kind: str = Field(
        description="`tickets`, `articles`, `document`, `names` (people and companies of an account export), `broken`, `passed_over`, "
        "or `new` where no sync has looked into it."
    )
    problem: str


class FilesDeletedOut(Out):
    """How many uploads were deleted."""

    deleted: int


class PreviewTicketOut(Out):
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
    text: str


class PreviewArticleOut(Out):
    """An article as it would be read."""

    original_id: str
    title: str
    folder: str
    visibility: str
    draft: bool


class PreviewFileOut(Out):
    """A file in an archive."""

    path: str
    kind: str = Field(description="As that of a preview, or `broken`, or `new` where it is too large to be looked into.")
    preset: str = Field(description="Of whose account export it is a part: `freshdesk`, `zendesk`, or empty.")


class PreviewOut(Out):
    """How a file would be read."""

    path: str
    kind: str = Field(
        description="`tickets`, `articles`, `document`, `names` (people and companies of an account export), `passed_over`, or `archive`."
    )
    written_as: str
    preset: str = Field(description="Whose own export it is: `freshdesk`, `zendesk`, or empty.")
    columns: dict[str, str] = Field(description="Field -> heading.")
    other_columns: list[str]
    timezone: str
    day_first: bool
    tickets: list[PreviewTicketOut]
    articles: list[PreviewArticleOut] = Field(description="Of an account export.")
    files: list[PreviewFileOut] = Field(description="Of an archive: what each would be read as.")
    problems: list[str]
    declaration: str = Field(description="The same as YAML, to be changed and declared.")


class DeclarationIn(In):
    """How the connection's files are to be read."""

    yaml: str = Field(max_length=200_000, description="`files:` with a pattern for each kind of file; empty declares nothing.")


class DeclarationOut(Out):
    """What is declared."""

    yaml: str
