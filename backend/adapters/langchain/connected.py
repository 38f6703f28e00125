"""What every model of a provider has in common: who it is, and one client for all calls."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from backend.adapters.langchain.calls import Access, Caller

C = TypeVar("C")


class Connected(ABC, Generic[C]):
    """A model behind a client, one of LangChain's or plain HTTP, which is made at the first call and shared by all.

    `prices` is US dollars per million tokens by model: (input, output).
    """

    def __init__(self, access: Access, *, prices: Mapping[str, tuple[float, float]] | None = None) -> None:
        self._access = access
        self._prices = dict(prices or {})
        self._caller = Caller(access)
        self._client: C | None = None
        self._http: Any = None
        self._making = asyncio.Lock()

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self._access.provider

    @property
    def model(self) -> str:
        """The model's name."""
        return self._access.model

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
        self._client = self._http = None

    @abstractmethod
    def _make(self) -> tuple[C, Any]:
        """The client, and the HTTP client it uses, which is ours to close."""

    async def _ready(self) -> C:
        async with self._making:
            if self._client is not None:
                return self._client
            # Importing LangChain takes a second or two, reading certificates some milliseconds: others are served meanwhile.
            client, self._http = await asyncio.to_thread(self._make)
            self._client = client
            return client
