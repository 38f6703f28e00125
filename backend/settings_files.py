"""Settings of files as a source: which folders may be read, and how much may be uploaded."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class FilesSettings(BaseSettings):
    """What connections of the platform `file` may do."""

    file_roots: str = Field(
        "",
        description="Folders of this server (comma-separated) that hold one a company, named by its company_id: a connection of "
        "the platform `file` reads its own company's and nothing else. Empty: no folders, only uploads and S3.",
    )
    file_upload_max_bytes: int = Field(
        1_073_741_824, ge=1_000, description="Bytes of one upload to a connection of the platform `file`, and of what a zip unpacks to."
    )

    @property
    def roots_of_files(self) -> tuple[Path, ...]:
        """The folders of `file_roots`."""
        return tuple(Path(each.strip()) for each in self.file_roots.split(",") if each.strip())
