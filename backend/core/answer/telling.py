"""What a model says, piece by piece, as far as it may be shown."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable

from backend.core.model.answer import AnswerEvent, AnswerEventKind, Delta
from backend.core.model.budget import Usage


class Telling:
    """One streamed text. Leaving `tokens` early frees the model's connection at once, and not when the garbage is collected."""

    def __init__(self, stream: AsyncIterator[Delta], feed: Callable[[str], str]) -> None:
        """`feed` takes each piece and returns what of the text may be shown now."""
        self._stream = stream
        self._feed = feed
        self.usage = Usage()
        """What it has cost so far."""
        self.shown = False
        """Whether anything was."""

    async def tokens(self) -> AsyncGenerator[AnswerEvent]:
        """What may be shown, in order; to be closed. Raises what the model raises."""
        try:
            async for delta in self._stream:
                self.usage += delta.usage or Usage()
                if piece := self._feed(delta.text):
                    self.shown = True
                    yield AnswerEvent(kind=AnswerEventKind.TOKEN, data=piece)
        finally:
            if isinstance(self._stream, AsyncGenerator):
                await self._stream.aclose()
