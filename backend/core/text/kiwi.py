"""Korean morphemes by kiwipiepy: better recall than pairs of syllables, for about 0.5 GB of memory."""

from typing import Any

from backend.core.text.words import WORD, is_hangul, normalize, other_terms

# Nouns, numerals, stems of verbs and adjectives, roots: what carries meaning. Particles and endings are left out.
# https://github.com/bab2min/kiwipiepy#품사-태그
_KEPT = frozenset({"NNG", "NNP", "NR", "VV", "VA", "XR"})
_EMPTY_STEMS = frozenset({"하", "되", "있", "없", "않", "같", "싶", "주", "드리", "안녕", "감사", "부탁", "경우", "관련", "문의"})


class KiwiTokenizer:
    """Cuts Korean into morphemes; everything else as `BigramTokenizer` does.

    Loading takes 2 to 3 s and about 0.5 GB. Raises ImportError naming the extra when kiwipiepy is not installed.
    """

    id = "kiwi-1"

    def __init__(self) -> None:
        try:
            # The package and its model are an extra: most installations never load them.
            from kiwipiepy import Kiwi  # noqa: PLC0415
        except ImportError as error:
            raise ImportError(
                "the tokenizer `kiwi` needs the extra `korean`: pip install 'desklore[korean]', or use DESKLORE_TOKENIZER=bigram"
            ) from error
        self._kiwi: Any = Kiwi(num_workers=1)

    def terms(self, text: str) -> list[str]:
        """Terms in order of kind: morphemes, then the rest; repeated as often as they occur."""
        return [term for _, terms in self.words(text) for term in terms]

    def words(self, text: str) -> list[tuple[str, tuple[str, ...]]]:
        """Each morpheme or other word that says something, with its terms."""
        text = normalize(text)
        found: list[tuple[str, tuple[str, ...]]] = [
            (token.form, (token.form,))
            for token in self._kiwi.tokenize(text)
            if token.tag.partition("-")[0] in _KEPT and token.form not in _EMPTY_STEMS
        ]
        return found + [(word, terms) for word in WORD.findall(text) if not is_hangul(word) and (terms := other_terms(word))]
