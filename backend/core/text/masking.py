"""Take personal data out of what leaves for a model provider, and put it back into what comes home.

    mask = Mask(texts, names)      one prompt: the same value gets the same placeholder, `[EMAIL_1]`
    mask.texts                     what may leave
    mask.restore(answer)           the answer with the values; `mask.restorer()` for one that streams
    redact(text)                   for what is kept and shared: no way back

The values are known to the Mask alone, for as long as the call lasts.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from backend.core.model.personal import ALL_KINDS, Kind, Span, in_order
from backend.core.text.personal import find

MASKING_VERSION: Final = "mask-2"
"""Part of every cache key: a change in what is masked changes what a model saw."""
HOW_TO_COPY: Final = (
    "The texts hold placeholders such as [EMAIL_1], [PHONE_1] or [PERSON_1] instead of personal data. Where you need one, copy it exactly "
    "as it is, with its brackets; never make one up."
)

_STAND_INS: Final = {
    Kind.EMAIL: "***@***",
    Kind.PHONE: "***-****",
    Kind.CARD: "****-****-****-****",
    Kind.RESIDENT: "******-*******",
    Kind.IBAN: "**** **** ****",
    Kind.ACCOUNT: "***-***-******",
    Kind.PASSPORT: "*********",
    Kind.PERSON: "***",
}
_KINDS: Final = "|".join(kind.value for kind in Kind)
_OPEN: Final = r"[\[【［]"
# Models change a placeholder a little: small letters, a blank or dash for the underscore, other brackets or none, and a backslash
# before the underscore as Markdown has it (two in JSON). Without brackets only the exact word counts: "phone 1" is plain English.
_PLACEHOLDER = re.compile(
    rf"{_OPEN}[ ]?((?i:{_KINDS}))(?:\\{{0,2}}_|[ -])?([0-9]{{1,4}})[ ]?[\]】］]"
    rf"|(?<![A-Za-z0-9_])({_KINDS})\\{{0,2}}_([0-9]{{1,4}})(?![A-Za-z0-9_])",
    re.ASCII,
)
_AFTER = re.compile(r"[\\_\s-]{0,6}([0-9]{1,4})", re.ASCII)
"""More than is ever restored, so that nothing that somebody typed can be."""
_WORD = re.compile(r"[A-Za-z0-9_]\Z")


def _prefixes(word: str, rest: str) -> str:
    """A pattern of the beginnings of `word`, followed by `rest` where it is whole."""
    pattern = rest
    for character in reversed(word):
        pattern = f"{character}(?:{pattern})?"
    return pattern


_INSIDE: Final = "|".join(_prefixes(kind.value, r"(?:\\{0,2}_?|[ -])[0-9]{0,4}[ ]?") for kind in Kind)
_BARE: Final = "|".join(_prefixes(kind.value, r"\\{0,2}(?:_[0-9]{0,4})?") for kind in Kind)
_BEGUN = re.compile(rf"(?:{_OPEN}[ ]?(?:(?i:{_INSIDE}))?|(?<![A-Za-z0-9_])(?:{_BARE}))\Z", re.ASCII)
_LONGEST: Final = 24
"""Characters of a placeholder, however it was changed."""
_BY_LABEL: Final = frozenset({Kind.ACCOUNT, Kind.PASSPORT, Kind.RESIDENT})
_LETTER = re.compile(r"[^\W\d_]")
_HANGUL = re.compile(r"[가-힣 ]+")


class Mask:
    """The placeholders of one prompt; kinds that are not among `kinds` are left as they are."""

    def __init__(
        self, texts: Sequence[str], names: Collection[str] = (), *, fixed: Sequence[str] = (), kinds: Collection[Kind] = ALL_KINDS
    ) -> None:
        self._kinds = kinds
        self._values: dict[str, str] = {}
        self._placeholders: dict[tuple[Kind, str], str] = {}
        self._counts: dict[Kind, int] = {}
        # Who writes "[EMAIL_1]" into a ticket, in whatever spelling, must not get somebody's address for it.
        self._taken = {placeholder for text in (*texts, *fixed) for placeholder in _typed(text)}
        known = _names(names) if Kind.PERSON in kinds else None
        found = {text: find(text) for text in (*texts, *fixed)}
        self._told = _told(found)
        self.texts = [self._masked(text, found[text], known) for text in texts]
        """The texts without personal data, in order."""
        self.fixed = [self._masked(text, found[text], None) for text in fixed]
        """Texts in which `names` are only words, without personal data of other kinds."""

    def __bool__(self) -> bool:
        """Whether anything was masked."""
        return bool(self._values)

    def restore(self, text: str, *, in_json: bool = False) -> str:
        """The text with the values for the placeholders; unknown ones stay. `in_json`: the text is JSON."""
        if not self._values:
            return text
        return _PLACEHOLDER.sub(lambda found: self._value(found, in_json=in_json), text)

    def restorer(self, *, in_json: bool = False) -> "Restorer":
        """For an answer that comes in pieces."""
        return Restorer(self, in_json=in_json)

    def _value(self, found: re.Match[str], *, in_json: bool) -> str:
        kind, number = found[1] or found[3], found[2] or found[4]
        value = self._values.get(f"[{kind.upper()}_{int(number)}]")
        if value is None:
            return found.group()
        return msgspec.json.encode(value).decode()[1:-1] if in_json else value

    def _masked(self, text: str, found: Sequence[Span], names: re.Pattern[str] | None) -> str:
        spans = _with_told(text, found, self._kinds, self._told)
        if names is not None:
            spans = _with_names(text, spans, names)
        return _replaced(text, spans, self._placeholder)

    def _placeholder(self, kind: Kind, value: str) -> str:
        placeholder = self._placeholders.get((kind, value))
        while placeholder is None:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            made = f"[{kind.value}_{number}]"
            if made not in self._taken:
                placeholder = self._placeholders[kind, value] = made
                self._values[made] = value
        return placeholder


class Restorer:
    """Restores a stream: the beginning of a placeholder is held back until its end comes."""

    def __init__(self, mask: Mask, *, in_json: bool) -> None:
        self._mask = mask
        self._in_json = in_json
        self._held = ""
        self._glued = False
        """Whether a letter, digit or underscore went before: `MY_EMAIL_1` is no placeholder."""

    def feed(self, piece: str) -> str:
        """What is certain now."""
        if not self._mask:
            return piece
        text = ("_" if self._glued else "") + self._held + piece
        begun = _BEGUN.search(text, max(0, len(text) - _LONGEST))
        cut = begun.start() if begun else len(text)
        return self._let_go(text, cut)

    def finish(self) -> str:
        """What was held back."""
        text = ("_" if self._glued else "") + self._held
        return self._let_go(text, len(text))

    def _let_go(self, text: str, cut: int) -> str:
        said, self._held = text[:cut], text[cut:]
        known = int(self._glued)
        self._glued = _WORD.search(said) is not None
        return self._mask.restore(said, in_json=self._in_json)[known:]


def redact(text: str, *, keep: Collection[str] = (), told: Mapping[str, Kind] | None = None) -> str:
    """The text with neutral stand-ins for personal data; values in `keep` (as `values_of` gives them) stay.

    `told`: what other texts tell of the same matter (`told_in`), which may stand here without its label.
    """
    spans = _with_told(text, find(text), ALL_KINDS, told or {})
    if keep:
        spans = [span for span in spans if _canonical(text[span.start : span.end]) not in keep]
    return _replaced(text, spans, lambda kind, _: _STAND_INS[kind])


def blur(text: str, kinds: Collection[Kind] = ALL_KINDS) -> str:
    """The text with a word for each value, `[EMAIL]`: the same in a question and in a document, whatever stands around it."""
    return _replaced(text, _with_told(text, find(text), kinds, {}), lambda kind, _: f"[{kind.value}]")


def version_of(kinds: Collection[Kind]) -> str:
    """What a cache key says of the masking: its version, and the kinds where they are not all."""
    return MASKING_VERSION if len(frozenset(kinds)) == len(Kind) else "-".join([MASKING_VERSION, *in_order(kinds)])


def values_of(texts: Iterable[str]) -> frozenset[str]:
    """The personal data in these texts, each in one spelling, for `redact(keep=)`."""
    return frozenset(_canonical(text[span.start : span.end]) for text in texts for span in find(text))


def told_in(texts: Iterable[str]) -> dict[str, Kind]:
    """Values that only their label gave away, by kind: who repeats one may leave the label out."""
    return _told({text: find(text) for text in texts})


def _told(found: Mapping[str, Sequence[Span]]) -> dict[str, Kind]:
    return {text[span.start : span.end]: span.kind for text, spans in found.items() for span in spans if span.kind in _BY_LABEL}


def _with_told(text: str, found: Sequence[Span], kinds: Collection[Kind], told: Mapping[str, Kind]) -> list[Span]:
    spans = [*found]
    for value, kind in told.items():
        if value in text:
            again = (Span(*each.span(), kind) for each in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", text))
            spans += [each for each in again if not any(each.start < span.end and span.start < each.end for span in spans)]
    spans.sort()
    return spans if len(kinds) == len(Kind) else [span for span in spans if span.kind in kinds]


def _typed(text: str) -> Iterator[str]:
    """Placeholders that a text holds already, or could be read to hold."""
    upper = text.upper()
    for kind in Kind:
        at = upper.find(kind)
        while at >= 0:
            if found := _AFTER.match(upper, at + len(kind)):
                # In "EMAIL_12" the beginning may end where a value was cut out.
                yield from (f"[{kind}_{int(found[1][:digits])}]" for digits in range(1, len(found[1]) + 1))
            at = upper.find(kind, at + 1)


def _canonical(value: str) -> str:
    """One spelling: `010 1234 5678` and `010-1234-5678` are one number."""
    return "".join(filter(str.isalnum, value)).casefold()


def _replaced(text: str, spans: Sequence[Span], stand_in: Callable[[Kind, str], str]) -> str:
    if not spans:
        return text
    pieces = []
    at = 0
    for start, end, kind in spans:
        pieces += [text[at:start], stand_in(kind, text[start:end])]
        at = end
    return "".join([*pieces, text[at:]])


def _names(names: Collection[str]) -> re.Pattern[str] | None:
    """A pattern of these names, longest first; those that are likely to be an ordinary word or a part of one are left out."""
    chosen = {name.strip() for name in names if _is_telling(name.strip())}
    if not chosen:
        return None
    each = (re.escape(name) for name in sorted(chosen, key=lambda name: (-len(name), name)))
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(each)})(?![A-Za-z])")


def _is_telling(name: str) -> bool:
    return len(name) >= 3 and _LETTER.search(name) is not None and (_HANGUL.fullmatch(name) is not None or len(name) >= 4)


def _with_names(text: str, spans: list[Span], names: re.Pattern[str]) -> list[Span]:
    found = [Span(*match.span(), Kind.PERSON) for match in names.finditer(text)]
    free = [name for name in found if not any(name.start < span.end and span.start < name.end for span in spans)]
    return sorted(spans + free) if free else spans
