"""Read the words in a picture."""

import warnings
from pathlib import Path
from typing import Final

from backend.adapters.file.extract import ocr
from backend.adapters.file.extract.collector import Collector
from backend.core.errors import AppError, Code

_PIXELS_MAX: Final = 60_000_000
_SIDE_MAX: Final = 3_500
_SIDE_MIN: Final = 24


def read_image(path: Path, name: str, into: Collector, deadline: float) -> None:
    """The words of a picture; none without tesseract. Raises ATTACHMENT_UNREADABLE, or _TOO_LARGE before it is unpacked."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - only pictures need it

    # Our own limit comes first; Pillow's would only warn.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            width, height = picture.size
            if width * height > _PIXELS_MAX:
                raise AppError(Code.ATTACHMENT_TOO_LARGE, f"{name} has {width * height:,} pixels.")
            if not into.ocr:
                if min(width, height) >= _SIDE_MIN and ocr.languages():
                    into.wait()
                return
            picture.draft("RGB", (_SIDE_MAX, _SIDE_MAX))
            picture.load()
            if min(width, height) < _SIDE_MIN or not ocr.languages():
                return
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged: {error}") from error
    upright.thumbnail((_SIDE_MAX, _SIDE_MAX))
    into.add(ocr.read_picture(upright, deadline))
