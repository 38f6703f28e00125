"""The facts of a single ticket: order numbers, times, shops; filled into the hand-written texts."""

import re
import time
from random import Random

_SLOT = re.compile(r"\{([a-z_]+)\}")
_MARKETS = {"ko": ["오늘마켓", "코코몰", "두루스토어", "자사몰"], "en": ["OneulMarket", "Cocomall", "Shoply", "our own web shop"]}
_BROWSERS = {
    "ko": ["윈도우 11 크롬 최신 버전", "맥북 사파리", "엣지 브라우저", "네이버 웨일 브라우저", "안드로이드 크롬"],
    "en": ["Chrome on Windows 11", "Safari on a Mac", "Edge", "Firefox 142", "Chrome on Android"],
}
_KST = 9 * 3600
#: From 8 to 21 o'clock: sellers write in the evening too, nobody at night.
WORKDAY = 13 * 3600
_WEEKDAYS_KO = "월화수목금토일"
#: How a case may end; a custom field of both helpdesks.
RESOLUTIONS = ("Configuration", "Product defect", "How-to answered", "Third party", "Duplicate")


def fill(text: str, facts: dict[str, str]) -> str:
    """Put facts into their slots; what is no known slot stays as written (JSON samples have braces too)."""
    return _SLOT.sub(lambda found: facts.get(found[1], found[0]), text)


def day(when: int, lang: str) -> str:
    """A date as people write it, in Korean time."""
    moment = time.gmtime(when + _KST)
    if lang == "en":
        return time.strftime("%B ", moment) + str(moment.tm_mday)
    return f"{moment.tm_mon}월 {moment.tm_mday}일"


def clock(when: int, lang: str) -> str:
    """A time of day as people write it, in Korean time."""
    moment = time.gmtime(when + _KST)
    hour = moment.tm_hour % 12 or 12
    if lang == "en":
        return f"{hour}:{moment.tm_min:02d} {'AM' if moment.tm_hour < 12 else 'PM'}"
    return f"{'오전' if moment.tm_hour < 12 else '오후'} {hour}:{moment.tm_min:02d}"


def stamp(when: int, lang: str) -> str:
    """Date, weekday and time as mail programs write them above a quotation."""
    moment = time.gmtime(when + _KST)
    if lang == "en":
        return time.strftime("%a, %b ", moment) + f"{moment.tm_mday}, {moment.tm_year} at {clock(when, 'en')}"
    weekday = _WEEKDAYS_KO[moment.tm_wday]
    return f"{moment.tm_year}년 {moment.tm_mon}월 {moment.tm_mday}일 ({weekday}) {clock(when, 'ko')}"


def in_working_day(when: int) -> int:
    """Squeeze a day into 8 to 21 o'clock Korean time; the order of moments stays."""
    day_start = (when + _KST) // 86_400 * 86_400 - _KST
    return day_start + 8 * 3600 + (when - day_start) * WORKDAY // 86_400


def working(when: int) -> int:
    """A moment as seconds of working time; night adds nothing."""
    days, second = divmod(when + _KST, 86_400)
    return days * WORKDAY + min(max(second - 8 * 3600, 0), WORKDAY)


def moment_of(seconds: int) -> int:
    """The moment at which so many seconds of working time have passed; the inverse of `working`."""
    days, second = divmod(seconds, WORKDAY)
    return days * 86_400 + 8 * 3600 + second - _KST


def iso(when: int) -> str:
    """UTC with a trailing Z, as Freshdesk writes times."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def ticket_facts(rng: Random, created_at: int, lang: str) -> dict[str, str]:
    """Facts that differ from ticket to ticket."""
    moment = time.gmtime(created_at)
    return {
        "order": f"HB{time.strftime('%y%m%d', moment)}-{rng.randrange(10_000, 99_999)}",
        "amount": f"{rng.randrange(9, 480) * 1000 + rng.choice((0, 500, 900)):,}",
        "date": day(created_at - rng.randrange(1, 6) * 86_400, lang),
        "time": clock(created_at - rng.randrange(600, 30_000), lang),
        "market": rng.choice(_MARKETS[lang]),
        "browser": rng.choice(_BROWSERS[lang]),
        "trace": f"req-{rng.getrandbits(32):08x}",
        "jira": f"HBC-{rng.randrange(1200, 9800)}",
        "n": str(rng.randrange(2, 9)),
        "count": str(rng.randrange(12, 480)),
    }
