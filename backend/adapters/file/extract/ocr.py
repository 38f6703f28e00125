"""Read the words in pictures with tesseract, where it is installed."""

import shutil
import time
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

_WANTED: Final = ("kor", "eng")
_CONFIDENCE: Final = 35.0
_LETTERS_MIN: Final = 4


@cache
def languages() -> str:
    """The languages to read, as tesseract wants them (`kor+eng`); empty where it or they are not installed."""
    if shutil.which("tesseract") is None:
        return ""
    import pytesseract  # noqa: PLC0415 - loads Pillow, which only pictures need

    try:
        installed = pytesseract.get_languages()
    except (pytesseract.TesseractError, OSError):
        return ""
    return "+".join(language for language in _WANTED if language in installed)


def read_picture(picture: "Image", deadline: float) -> str:
    """The words a picture shows, line by line; empty where there are none, no tesseract, or no time before `deadline`."""
    chosen = languages()
    seconds = deadline - time.monotonic()
    if not chosen or seconds <= 0:
        return ""
    # Loaded with the first picture: most processes never see one.
    import pytesseract  # noqa: PLC0415 - loads Pillow, which only pictures need

    try:
        words = pytesseract.image_to_data(picture, lang=chosen, timeout=max(1, int(seconds)), output_type=pytesseract.Output.DICT)
    except (RuntimeError, OSError):
        # pytesseract tells a time-out and tesseract's own failures as RuntimeError: a picture without words either way.
        return ""
    lines: dict[tuple[int, int, int], list[str]] = {}
    for text, confidence, *place in zip(words["text"], words["conf"], words["block_num"], words["par_num"], words["line_num"], strict=True):
        if text.strip() and float(confidence) >= _CONFIDENCE:
            lines.setdefault((place[0], place[1], place[2]), []).append(text.strip())
    found = "\n".join(" ".join(line) for line in lines.values())
    # Textures of photographs read as stray marks.
    return found if sum(character.isalnum() for character in found) >= _LETTERS_MIN else ""
