"""A streamed answer by its id."""

from pydantic import Field

from backend.api.schemas.base import Out


class StreamOut(Out):
    """A stream that was to be canceled."""

    stream_id: str
    ended: bool = Field(description="True: it had ended before; false: it ends within a moment.")
