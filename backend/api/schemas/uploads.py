"""JSON of uploads in steps."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.base import In, Name, Out


class UploadIn(In):
    """A file that is about to be sent."""

    filename: Name
    size: int = Field(ge=0, description="In bytes; so many have to be sent.")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="Of the bytes, in hex; others are refused then.")
    direct: bool = Field(default=True, description="`false`: give me an address of the API, for I can't reach the bucket.")


class UploadBegunOut(Out):
    """Where its bytes go, by one PUT."""

    upload_id: str
    upload_url: str
    headers: dict[str, str] = Field(description="What has to be sent with them, as it is.")
    direct: bool = Field(description="Whether it is the bucket that takes them: send it no key. Else the API: send it yours.")
    expires_at: datetime = Field(description="Until then they are taken.")
