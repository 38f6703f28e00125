"""Telling a model how a text for a customer shall sound; Korean says it by the endings of its verbs."""

from typing import Final

_TONES: Final = {
    "friendly": "friendly: warm and personal, plain words, no slang.",
    "formal": "formal: courteous and impersonal, whole sentences, no contractions, no exclamation marks.",
    "concise": "concise: matter-of-fact, no small talk, but polite.",
}
_READER: Final = "Call the reader 고객님 or by name with 님."
_KOREAN: Final = {
    "friendly": f"Polite 해요체 and 합니다체 as a kind support agent mixes them (안녕하세요, ~해 주세요, ~하시면 됩니다). {_READER}",
    "formal": "Honorific 합쇼체 in every sentence (안녕하십니까, ~하십시오, ~해 주시기 바랍니다, ~드립니다); "
    f"never 해요체 (~세요, ~해요, ~예요). Subject honorifics (-시-, 께서) for the reader, humble forms (드리다) for ourselves. {_READER}",
    "concise": "Short 합니다체 sentences (~합니다, ~해 주세요); greeting and thanks in one line each at most.",
}
_ENGLISH: Final = {
    "friendly": "Open with Hi or Hello and the name; contractions are fine.",
    "formal": 'Open with "Dear" and the name (without one: "Dear Customer"), close with "Yours sincerely,".',
    "concise": "One line of greeting, one of closing.",
}


def tone_rule(tone: str, language: str) -> str:
    """The rule for a tone in a language (ISO 639-1); a tone that isn't known is given as it is, on one line."""
    base = language.split("-", 1)[0].lower()
    named = _TONES.get(tone) or " ".join(tone.split())[:60] or _TONES["friendly"]
    more = {"ko": _KOREAN, "en": _ENGLISH}.get(base, {}).get(tone, "")
    return f"{named} {more}".rstrip()
