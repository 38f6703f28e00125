"""The bytes of files: through redirects, without the credential leaving home, never into the private network."""

from collections.abc import AsyncIterator

import pytest

from backend.adapters.http.download import DeadUrlError, Downloads
from backend.adapters.http.guard import Guard
from backend.adapters.http.origin import Origin
from backend.adapters.http.transport import Transport
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret
from tests.adapters.scripted import Reply, Scripted, scripted

BYTES = bytes(range(256)) * 20_000


def downloads_of(server: Scripted, *allowed: str) -> tuple[Downloads, Transport]:
    own = Origin("http", "127.0.0.1", server.port)
    transport = Transport(Guard(own, frozenset(allowed)))
    return Downloads(transport, own, authorization=Secret("Basic c2VjcmV0"), concurrency=2, seconds=5), transport


async def read(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_follows_two_redirects_and_leaves_the_credential_at_home() -> None:
    async with scripted(lambda _: Reply(body=BYTES)) as store:

        def answer(request: object) -> Reply:
            path = getattr(request, "path", "")
            return Reply(302, headers={"Location": "/second" if path == "/inline" else f"{store.url}/file"})

        async with scripted(answer) as own:
            downloads, transport = downloads_of(own, store.authority)
            async with downloads.open(f"{own.url}/inline?token=x") as pieces:
                assert await read(pieces) == BYTES
            assert [request.path for request in own.asked] == ["/inline", "/second"]
            assert all("authorization" in request.headers for request in own.asked)
            assert "authorization" not in store.asked[0].headers
            assert "cookie" not in store.asked[0].headers
            assert transport.own_calls == 2
            await transport.close()


async def test_a_redirect_into_the_private_network_is_refused() -> None:
    async with (
        scripted(lambda _: Reply(body=BYTES)) as inside,
        scripted(lambda _: Reply(302, headers={"Location": f"{inside.url}/admin"})) as own,
    ):
        downloads, transport = downloads_of(own)
        with pytest.raises(AppError) as caught:
            async with downloads.open(f"{own.url}/x"):
                pass
        assert caught.value.code is Code.SOURCE_REQUEST_REFUSED
        assert inside.asked == []
        await transport.close()


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_dead_url_says_so(status: int) -> None:
    async with scripted(lambda _: Reply(status)) as own:
        downloads, transport = downloads_of(own)
        with pytest.raises(DeadUrlError):
            async with downloads.open(f"{own.url}/x"):
                pass
        await transport.close()


async def test_a_broken_file_is_no_file() -> None:
    async with scripted(lambda _: Reply(body=b"half", stated=8, hang_up=True)) as own:
        downloads, transport = downloads_of(own)
        with pytest.raises(AppError) as caught:
            async with downloads.open(f"{own.url}/x") as pieces:
                await read(pieces)
        assert caught.value.code is Code.SOURCE_UNAVAILABLE
        await transport.close()


async def test_an_endless_chain_ends() -> None:
    async with scripted(lambda _: Reply(302, headers={"Location": "/again"})) as own:
        downloads, transport = downloads_of(own)
        with pytest.raises(AppError) as caught:
            async with downloads.open(f"{own.url}/x"):
                pass
        assert caught.value.code is Code.SOURCE_REQUEST_REFUSED
        await transport.close()


async def test_reading_may_stop_half_way() -> None:
    async with scripted(lambda _: Reply(body=BYTES)) as own:
        downloads, transport = downloads_of(own)
        for _ in range(4):
            async with downloads.open(f"{own.url}/x") as pieces:
                assert await anext(pieces)
        async with downloads.open(f"{own.url}/x") as pieces:
            assert len(await read(pieces)) == len(BYTES)
        await transport.close()


async def test_empty_file() -> None:
    async with scripted(lambda _: Reply(body=b"")) as own:
        downloads, transport = downloads_of(own)
        async with downloads.open(f"{own.url}/x") as pieces:
            assert await read(pieces) == b""
        await transport.close()
