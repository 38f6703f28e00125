"""While files are copied, the archive may be put together anew: what took the place of others is copied too."""

from pathlib import Path

from backend.storage.blobs.local import LocalBlobStore
from backend.storage.moving.files import copied, keys_as_they_come


async def test_what_came_meanwhile_is_among_the_keys(tmp_path: Path) -> None:
    blobs = LocalBlobStore(tmp_path / "acme", tmp_path / ".half-written")
    for key in ("attachments/1", "raw/paper/conn_1/a", "raw/paper/conn_1/b"):
        await blobs.put(key, key.encode())
    expected: list[int] = []
    read: dict[str, bytes] = {}
    async for key in keys_as_they_come(blobs, expected.append):
        if key == "raw/paper/conn_1/a":
            await blobs.put("raw/paper/conn_1/b~000001", b"a and b")
            await blobs.put("attachments/2", b"of a document that came later")
            await blobs.delete("raw/paper/conn_1/a")
            await blobs.delete("raw/paper/conn_1/b")
        async with copied(blobs, key) as file:
            if file is not None:
                file.seek(0)
                read[key] = file.read()
    assert read == {"attachments/1": b"attachments/1", "raw/paper/conn_1/b~000001": b"a and b"}
    assert expected == [3, 1]


async def test_an_archive_that_never_stands_still_ends_all_the_same(tmp_path: Path) -> None:
    blobs = LocalBlobStore(tmp_path / "acme", tmp_path / ".half-written")
    await blobs.put("raw/0", b"")
    keys = []
    async for key in keys_as_they_come(blobs, lambda _: None):
        keys.append(key)
        await blobs.put(f"raw/{len(keys)}", b"")
    assert keys == ["raw/0", "raw/1", "raw/2"]
