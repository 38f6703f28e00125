"""Naming a language to a model."""

from typing import Final

_NAMES: Final = {
    "ko": "Korean",
    "en": "English",
    "ja": "Japanese",
    "zh": "Chinese",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "pt": "Portuguese",
    "vi": "Vietnamese",
}


def language_name(code: str) -> str:
    """The English name of an ISO 639-1 code; for an unknown one words that fit the same place in a sentence."""
    return _NAMES.get(code.split("-", 1)[0].lower(), "the language of the request")
