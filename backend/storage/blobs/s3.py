"""Files of tenants in an S3 bucket: `<prefix><company_id>/<key>` (https://docs.aws.amazon.com/AmazonS3/latest/API/)."""

import base64
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from backend.core.errors import AppError, Code
from backend.core.ports.blobs import BlobStore, UploadLink
from backend.core.waiting import to_its_end
from backend.storage.aws import RETRY_AFTER_SECONDS, AwsClient, code_of
from backend.storage.blobs.keys import check_key, check_prefix
from backend.storage.blobs.parts import PART, PartedUpload

_PIECE: Final = 4 * 1024 * 1024
"""So much is asked for at once: a reader who is slow or leaves keeps no connection open."""
_AT_ONCE: Final = 5 * 1024**3
"""The most that one PUT takes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html)."""
_ROUNDS: Final = 5
"""How often a deletion looks for what was written beside it."""
_MISSING: Final = frozenset({"NoSuchKey", "404"})
_OUTSIDE: Final = frozenset({"InvalidRange", "416"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})


class S3BlobStores:
    """BlobStores in one bucket, which has to exist; `prefix` keeps several installations apart."""

    def __init__(self, aws: AwsClient, bucket: str, prefix: str = "") -> None:
        self._aws = aws
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def open(self, company_id: str) -> BlobStore:
        """The tenant's files."""
        if company_id.startswith(".") or len(check_key(company_id)) != 1:
            raise AppError(Code.INVALID_REQUEST, "This company_id can't name a folder.")
        return S3BlobStore(self._aws, self._bucket, f"{self._prefix}{company_id}/")

    async def ping(self) -> None:
        """Raises STORAGE_UNAVAILABLE when the bucket does not answer."""
        await self._aws.run(self._aws.client.head_bucket, Bucket=self._bucket)


class S3BlobStore:
    """BlobStore under one prefix. An object is seen whole or not at all, which S3 promises."""

    def __init__(self, aws: AwsClient, bucket: str, folder: str) -> None:
        self._aws = aws
        self._s3 = aws.client
        self._bucket = bucket
        self._folder = folder

    async def put(self, key: str, data: bytes) -> None:
        """Write or replace, atomically."""
        where = self._where(key)
        if len(data) <= PART:
            await self._aws.run(self._s3.put_object, **where, Body=data)
        else:
            await self._aws.run(_send, self._s3, where, data)

    async def put_file(self, key: str, path: Path) -> None:
        """Write or replace from a local file, atomically; the file is left where it is."""
        await self._aws.run(_send, self._s3, self._where(key), path)

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Write or replace with what comes, atomically and never whole in memory."""
        where, sent, part = self._where(key), PartedUpload(self._s3, self._where(key)), bytearray()
        try:
            async for piece in pieces:
                part += piece
                if len(part) >= sent.part_size:
                    # A part that is under way when its upload is thrown away may stay, and so may an upload that just begins.
                    await to_its_end(self._aws.run(sent.send, bytes(part)))
                    part.clear()
            if not sent.begun:
                await self._aws.run(self._s3.put_object, **where, Body=bytes(part))
                return
            if part:
                await to_its_end(self._aws.run(sent.send, bytes(part)))
            await to_its_end(self._aws.run(sent.finish))
        finally:
            if sent.begun:
                # The store forgets it by itself after some days where this fails (docs/operations/aws.md).
                with suppress(AppError):
                    await to_its_end(self._aws.run(sent.abandon))

    async def get(self, key: str) -> bytes | None:
        """The whole file, None where there is none."""
        return await self._aws.run(_get, self._s3, self._where(key))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes from `start` up to and without `end`, in pieces of one version. Raises ATTACHMENT_NOT_FOUND."""
        where = self._where(key)
        if start < 0 or (end is not None and end < start):
            raise AppError(Code.INVALID_REQUEST, "The range of bytes is not possible.")
        if start == end:
            if await self.size(key) is None:
                raise AppError(Code.ATTACHMENT_NOT_FOUND, "This file was not kept.")
            return
        version = ""
        while end is None or start < end:
            stop = start + _PIECE if end is None else min(end, start + _PIECE)
            piece, size, version = await self._aws.run(_get_range, self._s3, where, (start, stop), version)
            start += len(piece)
            if piece:
                yield piece
            if start >= size:
                return

    async def size(self, key: str) -> int | None:
        """In bytes, None where there is no such file."""
        return await self._aws.run(_size, self._s3, self._where(key))

    async def list(self, prefix: str) -> list[str]:
        """The file `prefix` and all under the folder `prefix`, sorted."""
        return await self._aws.run(lambda: sorted(self._keys(check_prefix(prefix))))

    async def delete(self, prefix: str) -> int:
        """Delete a file or everything under a prefix, every version of it; returns how many files.

        With `""` also uploads that were never finished, and it is looked again until nothing is left.
        """
        return await self._aws.run(self._delete, check_prefix(prefix))

    async def link(self, key: str, *, seconds: int, content_type: str, disposition: str) -> str | None:
        """A URL that gives the file to whoever has it, for so long, with these headers."""
        asked = {**self._where(key), "ResponseContentType": content_type, "ResponseContentDisposition": disposition}
        asked["ResponseCacheControl"] = "private, no-cache"
        url: str = await self._aws.run(self._s3.generate_presigned_url, "get_object", Params=asked, ExpiresIn=seconds)
        return url

    async def upload_link(self, key: str, *, seconds: int, size: int, sha256: str | None) -> UploadLink | None:
        """A link by which whoever has it writes this one file; its length and hash are signed, so the bucket refuses others.

        None where it is larger than what S3 takes at once.
        """
        if size > _AT_ONCE:
            return None
        wanted: dict[str, Any] = {**self._where(key), "ContentLength": size}
        headers = {}
        if sha256 is not None:
            wanted["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
        url: str = await self._aws.run(self._s3.generate_presigned_url, "put_object", Params=wanted, ExpiresIn=seconds)
        return UploadLink(url=url, headers=headers)

    def _where(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._folder + "/".join(check_key(key))}

    def _keys(self, segments: tuple[str, ...]) -> Iterator[str]:
        """Keys without the tenant's folder: the one file of this name, and those in the folder of this name."""
        name = self._folder + "/".join(segments)
        if segments and _size(self._s3, {"Bucket": self._bucket, "Key": name}) is not None:
            yield "/".join(segments)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{name}/" if segments else name)
        for page in pages:
            yield from (each["Key"].removeprefix(self._folder) for each in page.get("Contents", ()))

    def _delete(self, segments: tuple[str, ...]) -> int:
        deleted = self._delete_versions(segments)
        if segments:
            return deleted
        for _ in range(_ROUNDS):
            found = self._abort_uploads() + (again := self._delete_versions(segments))
            deleted += again
            if not found:
                return deleted
        raise AppError(
            Code.STORAGE_UNAVAILABLE,
            "Files of the tenant are written while they are deleted. Delete it again.",
            retry_after=RETRY_AFTER_SECONDS,
        )

    def _delete_versions(self, segments: tuple[str, ...]) -> int:
        """Delete in thousands, which is what one call takes; returns how many of them were files one could read."""
        files = 0
        batch: list[dict[str, str]] = []
        for version, readable in self._versions(segments):
            files += readable
            batch.append(version)
            if len(batch) == 1_000:
                self._delete_batch(batch)
                batch = []
        if batch:
            self._delete_batch(batch)
        return files

    def _delete_batch(self, versions: Sequence[dict[str, str]]) -> None:
        done = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": list(versions), "Quiet": True})
        if failed := done.get("Errors"):
            raise AppError(
                Code.STORAGE_UNAVAILABLE,
                f"{len(failed)} files can't be deleted ({failed[0].get('Code', '')}). Check the bucket's policy, then delete again.",
                retry_after=RETRY_AFTER_SECONDS,
            )

    def _versions(self, segments: tuple[str, ...]) -> Iterator[tuple[dict[str, str], bool]]:
        """Every version and delete marker, and whether it is what a reader gets."""
        name = self._folder + "/".join(segments)
        lister = self._s3.get_paginator("list_object_versions")
        for prefix in (name, f"{name}/") if segments else (name,):
            for page in lister.paginate(Bucket=self._bucket, Prefix=prefix):
                found = [(each, each["IsLatest"]) for each in page.get("Versions", ())]
                found += [(each, False) for each in page.get("DeleteMarkers", ())]
                wanted = [(each, latest) for each, latest in found if prefix.endswith("/") or each["Key"] == name]
                yield from (({"Key": each["Key"], "VersionId": each["VersionId"]}, latest) for each, latest in wanted)
                # A file's own versions come before those of all longer names.
                if not prefix.endswith("/") and len(wanted) < len(found):
                    break

    def _abort_uploads(self) -> int:
        aborted = 0
        for page in self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=self._folder):
            for upload in page.get("Uploads", ()):
                # Whoever is at it may have ended it since.
                with suppress(self._s3.exceptions.NoSuchUpload):
                    self._s3.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                aborted += 1
        return aborted


def _send(s3: Any, where: dict[str, str], content: bytes | Path) -> None:
    """Send it, in parts where it is large; parts of one that failed are removed."""
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - imported with the client, of those who use S3

    # In this thread: how many calls there are at once is ours to say.
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, use_threads=False)
    if isinstance(content, Path):
        s3.upload_file(str(content), where["Bucket"], where["Key"], Config=config)
    else:
        s3.upload_fileobj(io.BytesIO(content), where["Bucket"], where["Key"], Config=config)


def _get(s3: Any, where: dict[str, str]) -> bytes | None:
    try:
        with s3.get_object(**where)["Body"] as body:
            data: bytes = body.read()
    except s3.exceptions.ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise
    return data


def _get_range(s3: Any, where: dict[str, str], span: tuple[int, int], version: str) -> tuple[bytes, int, str]:
    """One piece, the size of the whole and its ETag; with `version` only from the same. Nothing, and 0, from beyond its end."""
    try:
        answer = s3.get_object(**where, Range=f"bytes={span[0]}-{span[1] - 1}", **({"IfMatch": version} if version else {}))
        with answer["Body"] as body:
            data: bytes = body.read()
    except s3.exceptions.ClientError as error:
        if code_of(error) in _OUTSIDE and not version:
            return b"", 0, ""
        if code_of(error) in _MISSING and not version:
            raise AppError(Code.ATTACHMENT_NOT_FOUND, "This file was not kept.") from error
        if code_of(error) in _MISSING | _OUTSIDE | _CHANGED:
            raise AppError(Code.ATTACHMENT_NOT_FOUND, "This file was replaced or deleted while it was read.") from error
        raise
    return data, int(answer["ContentRange"].rpartition("/")[2]), answer["ETag"]


def _size(s3: Any, where: dict[str, str]) -> int | None:
    try:
        size: int = s3.head_object(**where)["ContentLength"]
    except s3.exceptions.ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise
    return size
