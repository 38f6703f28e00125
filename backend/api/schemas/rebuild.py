"""JSON of a rebuild from the archive."""

from pydantic import Field

from backend.api.schemas.base import Id, In


class RebuildIn(In):
    """What to make again of what is archived."""

    connection_id: Id
    dry_run: bool = Field(False, description="Only find out what would change and what its summaries would cost; nothing is stored.")
    files: bool = Field(False, description="Read the texts of the stored attachments anew too.")
