"""A file on its way to S3 part by part (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html)."""

from typing import Any, Final

PART: Final = 8 * 1024 * 1024
"""Larger files are sent in parts of this size, each of which is tried again alone."""


class PartedUpload:
    """A file that is sent in parts; nobody sees it until it is whole. Blocks."""

    def __init__(self, s3: Any, where: dict[str, str]) -> None:
        self._s3 = s3
        self._where = where
        self._id = ""
        self._parts: list[dict[str, Any]] = []

    @property
    def begun(self) -> bool:
        """Whether there are parts that have to be put together, or thrown away."""
        return bool(self._id)

    @property
    def part_size(self) -> int:
        """Of the next part: 10,000 are allowed, so they grow, to 460 GB in all."""
        return PART * (1 + len(self._parts) // 1_000)

    def send(self, data: bytes) -> None:
        """Send the next part; all but the last have 5 MB at least."""
        if not self._id:
            self._id = self._s3.create_multipart_upload(**self._where)["UploadId"]
        number = len(self._parts) + 1
        done = self._s3.upload_part(**self._where, UploadId=self._id, PartNumber=number, Body=data)
        self._parts.append({"PartNumber": number, "ETag": done["ETag"]})

    def finish(self) -> None:
        """Make them one file."""
        self._s3.complete_multipart_upload(**self._where, UploadId=self._id, MultipartUpload={"Parts": self._parts})
        self._id = ""

    def abandon(self) -> None:
        """Throw away what was sent."""
        self._s3.abort_multipart_upload(**self._where, UploadId=self._id)
