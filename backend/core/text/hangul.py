"""Korean words without a dictionary: particles and endings off, then overlapping pairs of syllables."""

import re
from functools import lru_cache

from backend.core.text.words import pairs

# Particles of two or more syllables, and those of one that a stem of two or more syllables may lose.
_LONG_PARTICLES = """에서는 에서도 에서의 에서만 에게는 에게서 으로는 으로도 으로만 으로써 으로부터 에서부터 한테서 까지는 까지도
부터는 이라는 이라고 이라도 이라면 이지만 이니까 에서 에게 한테 으로 까지 부터 처럼 보다 마다 이나 이랑 이란 라는 라고 에는 에도
에만 에의 로는 로도 로만 와의 과의 와는 과는 만을 만이 만은 들은 들이 들을 들의 들도 들에 조차 밖에 이며 이고 인데 인지 이요 이에요
예요 입니다 입니까 인가요 이죠 이었습니다 였습니다"""
_SHORT_PARTICLES = "은는이가을를의에도로와과만"

# `발생했습니다`, `발생하는`, `발생해서` all come from the noun `발생`: what 하다 and 되다 become before their endings.
_DO = "하|한|할|함|합|해|했|하였|하셨|해야|되|된|될|됨|됩|돼|됐|되었|시키|시킨|시킬|시켜|시켰"
_ENDINGS = """습니다 습니까 니다 니까 는데요 는데 는지 는지요 나요 까요 가요 네요 군요 어요 아요 세요 셔요 시나요 시겠어요 겠습니다
었습니다 았습니다 어서 아서 여서 려고 려면 도록 면서 면 고 고요 지만 지요 지 죠 거나 기 기가 기를 기에 는 던 다 다고 다는 다가 며 자
자고 라고 라는 으면 은데 을까요 어야 아야 게 요 서 야 도 시는 신 실 을 은 어 아 것 것이 것을 지가 지는 지도 지를"""

# Words of courtesy and of asking: they are in every ticket and tell none apart.
_STOP_WORDS = """안녕하세요 안녕하십니까 감사합니다 감사드립니다 고맙습니다 수고하세요 수고하십니다 부탁드립니다 부탁드려요
부탁합니다 드립니다 드려요 있습니다 있어요 있나요 있는 있는데 있을까요 있으면 있고 없습니다 없어요 없나요 없는 입니다 합니다 하는
하고 해요 해서 하면 했습니다 했는데 했어요 하려고 하려면 하나요 할까요 할 한 하기 하지 되나요 되는 됩니다 돼요 되고 되면 된 될
그리고 그런데 그래서 하지만 또한 또 및 등 수 것 거 게 걸 때 좀 더 잘 저 저희 제 제가 저는 저희가 저희는 이 그 이런 그런 어떤 어떻게
어떡해 무엇 무엇을 무엇인가요 뭐 뭔가요 왜 언제 어디 어디서 어디에서 주세요 주십시오 주실 알려주세요 알려 궁금합니다 궁금해요
문의드립니다 문의합니다 네 예 아니요 경우 대해 대한 위해 통해 관련 관련해 관련하여 같습니다 같아요 같은 싶습니다 싶어요 싶은데
않습니다 않아요 않는 않고 않네요 안녕"""
_STOP = frozenset(_STOP_WORDS.split())


def _choice(words: str) -> str:
    return "|".join(sorted(set(words.split()), key=len, reverse=True))


_DERIVED = re.compile(rf"(?P<stem>.{{2,}}?)(?:{_DO})(?:{_choice(_ENDINGS)})*$")
_LONG = re.compile(rf"(?P<stem>.+?)(?:{_choice(_LONG_PARTICLES)})$")
_SHORT = re.compile(rf"(?P<stem>.{{2,}})[{_SHORT_PARTICLES}]$")


@lru_cache(maxsize=65_536)
def base(word: str) -> str:
    """A Korean word (one run of syllables) without its particle, or its 하다/되다 with their endings.

    A guess by form: `로그인에서` gives `로그인`, `발생했습니다` gives `발생`, and an unknown form stays whole.
    """
    if len(word) > 20:
        return word
    for form in (_DERIVED, _LONG, _SHORT):
        if found := form.fullmatch(word):
            return found["stem"]
    return word


@lru_cache(maxsize=65_536)
def hangul_terms(word: str) -> tuple[str, ...]:
    """Terms of one Korean word; none for words of courtesy."""
    return () if word in _STOP else pairs(base(word))
