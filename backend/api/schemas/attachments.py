"""JSON of attachments; their bytes are not JSON."""

from backend.api.schemas.base import Out
from backend.core.model.document import AttachmentState


class AttachmentOut(Out):
    """An attachment and what became of reading it; its bytes are at `/attachments/{attachment_id}`."""

    attachment_id: str
    name: str
    content_type: str
    size: int
    internal: bool
    state: AttachmentState
    error_code: str | None
    error_message: str
