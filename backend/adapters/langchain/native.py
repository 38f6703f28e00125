"""What models with an API of their own have in common (Anthropic, Google): what their failures mean."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import ClassVar

from backend.adapters.langchain.asking import AskingChat
from backend.adapters.langchain.calls import RESPONSE_FORMAT, TEMPERATURE
from backend.core.errors import AppError


class NativeChat(AskingChat):
    """A ChatModel over the LangChain class of a vendor whose API is like no other."""

    schema_words: ClassVar[tuple[str, ...]]
    """What in a rejection's text says that the model takes no schema."""

    @abstractmethod
    def _failures(self) -> tuple[type[Exception], ...]:
        """What the vendor's client raises."""

    @abstractmethod
    def _verdict(self, error: Exception) -> AppError:
        """What one of `_failures` means."""

    def _of_status(self, status: int, message: str, *, code: str = "", retry_after: float | None = None) -> AppError:
        text = message.lower()
        named = TEMPERATURE if TEMPERATURE in text else ""
        if any(word in text for word in self.schema_words):
            named = RESPONSE_FORMAT
        return self._caller.verdicts.of_status(status, code=code, named=named, retry_after=retry_after)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        async with self._caller.turn():
            with self._judged():
                yield

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Every failure of the provider becomes an AppError."""
        # Already loaded by whoever made the client.
        import httpx  # noqa: PLC0415
        import httpx2  # noqa: PLC0415

        verdicts = self._caller.verdicts
        try:
            yield
        except (TimeoutError, httpx.TimeoutException, httpx2.TimeoutException):
            raise verdicts.too_slow() from None
        except (httpx.ConnectError, httpx2.ConnectError):
            raise verdicts.unreachable() from None
        except (httpx.HTTPError, httpx2.HTTPError):
            raise verdicts.broken_off() from None
        except self._failures() as error:
            raise self._verdict(error) from None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # LangChain and the client raise these on a body that is not JSON or lacks what the API documents.
            raise verdicts.malformed(error) from None
