"""Words by which a sentence of a support ticket tells what it is: courtesy, cause, instruction, question, success, failure.

Plain containment and starts of lower-cased text: a ticket's summary has to be made in well under a millisecond.
"""

import re
from functools import lru_cache
from typing import Final

_remembered = lru_cache(maxsize=4_096)
"""A sentence is asked the same question several times for each summary, and agents write many sentences again and again."""


def _cues(text: str) -> tuple[str, ...]:
    """The pieces between `|`; only line breaks and the indent around a line are dropped, since a blank at a cue's edge is part of it."""
    return tuple(cue for line in text.splitlines() for cue in line.removeprefix("    ").removeprefix("    ").split("|") if cue.strip())


GREETING: Final = re.compile(
    r"(?:\S{1,12}(?:\s고객)?님[\s,.]*)?(?:안녕하(?:세요|십니까|셔요|신가요)|안녕하세여)[\s,.!~^]*"
    r"(?:(?:\S{1,10}\s)?\S{0,10}님[\s,.!~^]+|여러분[\s,.!~^]*)?"
    r"|(?:네|넵|예)[,.\s]+(?=[가-힣])"
    r"|(?:hi|hello|hey|dear|good (?:morning|afternoon|evening))\b(?:[^,.!?:\n]{0,30}(?:[,.!:]+|$)|\s+(?=(?:i|we|my|our|the)\b))\s*",
    re.IGNORECASE,
)
_COURTESY_KO: Final = _cues(
    """
    안녕|수고|감사|고맙|고객님,|문의 주셔서|문의주셔서|문의해 주셔서|연락 주셔서|연락주셔서|이용해 주셔서|좋은 하루|즐거운|
    행복한|확인 부탁|확인부탁|답변 부탁|회신 부탁|빠른 확인|빠른 답변|빠른 조치|빠른 회신|잘 부탁|부탁드|추가 문의|추가로 문의|
    추가로 궁금|추가적으로|궁금하신|궁금한 점|더 궁금|다른 문의|언제든|불편을 드려|불편을 끼쳐|이용에 불편|양해|도움이 되|
    기다려 주셔서|문의드립니다|문의 드립니다|협조|아래와 같이 안내|안내드립니다|안내 드립니다|확인 후 안내|확인해 보겠습니다|
    확인 중|접수되었습니다|확인에 필요한|바로 보내|문의 주신 내용|문의하신 내용|문의해 주신|이 문의는|문의를 완료|확인해 보시고|
    확인해 주셔서|말씀해 주셔서|알려 주셔서|보내 주셔서|다행입니다
    """
)
_COURTESY_EN: Final = _cues(
    """
    thanks|thank you|many thanks|thx|best regards|kind regards|warm regards|regards|best,|cheers|sincerely|yours|hope |i hope|
    we hope|please let me know|please let us know|let me know|let us know|looking forward|have a |feel free|don't hesitate|
    please don't hesitate|please do not hesitate|sorry for|sorry about|apologies|we apologi|i apologi|our apologies|
    we are sorry|we're sorry|i'm sorry|if you have any|please help|any help|can you please help|sent from my|please advise|
    we are looking into|we're looking into|thank-you|much appreciated|appreciate |greetings|glad to help|happy to help|
    you're welcome|can you fix this|could you fix this|can you help|could you help|please fix this|please assist|happy to|
    just reply|let me look|i will look|i'll look|great, thanks|great to hear|i will mark|i'll mark|sorry again|sorry that|
    no problem
    """
)
_COURTESY: Final = _COURTESY_KO + _COURTESY_EN
# Anywhere in a short sentence: pressing, and offers to be written to again.
_ASIDES: Final = _cues(
    """
    급합니다|급해요|시급|빨리 처리|urgent|as soon as possible|asap|언제든 회신|언제든지 회신|이 메일에 회신|get back to you|
    reply to this|stay with you|끝까지 도와|다시 안내드리|다시 안내해 드리|we need this sorted|would be great|would be good|
    have a nice day|좋은 하루
    """
)
_COURTESY_LENGTH: Final = 80
INTRODUCTION: Final = re.compile(
    r"(?:저는|저희는)?\s*\S.{0,30}(?:팀|센터|부서|담당|담당자|회사|상사|매니저|대리|과장|차장|부장|사원|주임|지점|병원|학교|대학교|은행|전자|물산|라고)"
    r"\s?\S{0,8}\s?(?:입니다|이에요|예요|합니다)[.!~]*"
    r"|\S.{0,25}\s(?:드림|올림|배상)[.!]?"
    r"|(?i:this is|my name is|i am|i'm)\s+[A-Z]\w+(?:\s+[A-Z]\w+)?(?:\s+(?:from|at|with|and I)\s+.{1,40})?[.!]?"
    r"|[A-Z]\w+(?:\s+[A-Z]\w+){0,2} here[.!]?"
    r"|[^.!?|\n]{1,40}\s\|\s[^.!?|\n]{1,40}"
)
LEAD_INS: Final = _cues(
    """
    아래 순서|다음 순서|아래 단계|다음 단계|아래와 같이|아래 방법|다음 방법|다음과 같습니다|다음과 같이|안내드립니다|
    안내해 드립니다|안내 드립니다|원인을 확인했|원인이 확인|here is how|here's how|here is what|following steps|steps below|
    do the following|in this order|as follows|found the reason|found the cause|have an answer|could trace it|
    with the details you sent|thanks for waiting|good news
    """
)
STRONG_CAUSES: Final = _cues(
    """
    원인|때문|because|due to|root cause|caused by|the cause|the reason|turned out|turns out
    """
)
WEAK_CAUSES: Final = _cues(
    """
    으로 인해|로 인해|인하여|탓에|탓입니다|문제는|이유는|이유로|확인 결과|확인해 보니|확인해보니|파악|만료되어|만료돼|누락되어|
    누락돼|잘못 설정|충돌하|as a result of|reason is|reason was|the problem was|the issue was|the problem is|the issue is|
    we found that|we found out|it appears|stems from|triggered by|has expired|had expired
    """
)
INSTRUCTION_ENDS: Final = _cues(
    """
    세요|십시오|시오|바랍니다|면 됩니다|면 돼요|면 되세요|면 해결됩니다|주시면 됩니다|클릭합니다|선택합니다|누릅니다|실행합니다|
    삭제합니다|입력합니다|이동합니다|종료합니다|설치합니다|확인합니다|변경합니다|저장합니다|해제합니다|체크합니다|추가합니다|
    재시작합니다|로그인합니다|엽니다|할 수 있습니다|가능합니다|부탁드립니다
    """
)
INSTRUCTION_WORDS: Final = frozenset(
    _cues(
        """
        please|go|open|click|select|try|make|restart|reset|update|install|reinstall|uninstall|clear|set|enable|disable|run|
        check|log|sign|remove|add|navigate|change|replace|use|follow|delete|choose|enter|press|tap|turn|download|upload|then|
        next|first|finally|reboot|reconnect|disconnect|ensure|verify|copy|paste|save|type|switch|increase|decrease|upgrade|
        contact
        """
    )
)
INSTRUCTION_PHRASES: Final = _cues(
    """
     > | → |please |go to |you can |you need to|you'll need to|you should|you will need|to fix this|to resolve this|
    as a workaround|workaround|메뉴에서|설정에서|임시로|우회|보시겠|can you try|could you try|have you tried
    """
)
_DONE_KO: Final = _cues(
    """
    조치|수정|변경|초기화|재설정|적용|배포|처리|복구|재시작|추가|삭제|해제|등록|발급|갱신|설정|교체|업데이트|증설|반영|재발송|
    승인|부여|환불|취소|연장|활성화|차단
    """
)
_DONE_ENDS: Final = ("했습니다", "하였습니다", "드렸습니다", "되었습니다", "됐습니다", "완료", "완료입니다")
_DONE_SUBJECTS: Final = ("we have ", "we've ", "i have ", "i've ", "we just ", "i just ", "has been ", "have been ", "we ")
_DONE_EN: Final = _cues(
    """
    fixed|updated|reset|restarted|changed|enabled|increased|added|removed|applied|deployed|refunded|resent|re-sent|unlocked|
    granted|cleared|extended|corrected|reissued|renewed|replaced|restored|reactivated|rolled back|whitelisted|configured
    """
)
ASKING: Final = _cues(
    """
    알려 주|알려주|회신해 주|는지 확인 부탁|인지 확인 부탁|지도 확인 부탁|확인해 주시겠|보내 주|보내주|회신 주|회신주|첨부해 주|첨부해주|
    공유해 주|공유해주|말씀해 주|제공해 주|주시겠|주실 수|could you|can you|would you|please send|please share|please provide|
    please attach|please confirm|please reply|send us|which version|what version|tell us|tell me
    """
)
_SUGGESTING: Final = ("보시겠", "can you try", "could you try", "have you tried")
SUCCESS: Final = _cues(
    """
    해결되|해결됐|해결 되|해결됩|해결했|잘 됩|잘됩|잘 되네|잘되네|잘 돼|잘돼|잘 되고|잘 작동|정상 작동|정상적으로|정상으로|
    정상 동작|정상화|접속됩|접속 됩|접속되네|로그인됩|이제 됩|이제 되|성공했|복구되|복구됐|발생하지 않|나타나지 않|안 나타|
    안 납니다|안 나네|안 나와요|재발하지|받았습니다|확인됩니다|확인되었|works now|working now|works again|working again|
    works fine|works perfectly|works great|it worked|that worked|this worked|it works|is working|that works|fixed it|is fixed|
    resolved|solved|is gone|no longer happen|no longer see|no longer get|did the trick|log in now|all good|back to normal|
    received it|came through|that did it|fixed the|fixed now
    """
)
_FAILURE: Final = _cues(
    """
    않|안 됩|안됩|안 되|안되|안돼|안 돼|못 |못하|못했|아직|여전|계속 |동일한|동일합|마찬가지|not |n't |still |same error|fails|
    no luck
    """
)
_NO_FAILURE: Final = ("발생하지 않", "나타나지 않", "재발하지 않", "보이지 않", "뜨지 않")
SYMPTOMS: Final = _cues(
    """
    안 됩|안됩|안 되|안되|안돼|안 돼|오류|에러|실패|문제|못|않|끊|멈|느리|지연|누락|중복|어떻게|방법|요청|싶|가능한|error|fail|
    can't|cannot|can not|unable|not |n't|issue|problem|how |crash|slow|missing|broken|stuck|denied|expired|would like|want to|
    need to|?
    """
)
INTENDING: Final = _cues(
    """
    해 보겠|해보겠|시도해|확인해 볼|살펴보|기다리|언제쯤|알겠습니다|진행하겠|will try|i'll try|we'll try|will check|i'll check|
    let me try|waiting|any update|any news|when will|will do
    """
)
ANGER: Final = _cues(
    """
    화가|화나|답답|실망|불만|최악|짜증|너무하|환불해|항의|아직도|몇 번|몇번|대체|도대체|unacceptable|frustrat|disappoint|
    terrible|angry|ridiculous|worst|fed up|still not|complaint
    """
)
THANKS: Final = ("감사", "고맙", "thank", "great", "perfect", "awesome", "appreciate")
LIST_ITEM: Final = re.compile(r"\s*(?:\(?\d{1,2}[.)]|[-•*·▶]|[①-⑳])\s+\S")


def has(text: str, cues: tuple[str, ...]) -> bool:
    """Whether a lower-cased text contains one of them."""
    for cue in cues:  # noqa: SIM110 - a plain loop is twice as fast as `any`, and this runs thousands of times a second
        if cue in text:
            return True
    return False


def is_courtesy(low: str) -> bool:
    """Whether a lower-cased sentence only greets, thanks or closes."""
    if len(low) > _COURTESY_LENGTH:
        return False
    if not low.startswith(_COURTESY):
        return len(low) < 2 or has(low, _ASIDES)
    return not (has(low, STRONG_CAUSES) or has(low, SUCCESS))


@_remembered
def is_question(low: str) -> bool:
    """Whether a sentence asks the reader for something to be told or sent."""
    return (low.endswith("?") or has(low, ASKING)) and not has(low, _SUGGESTING)


@_remembered
def is_instruction(low: str) -> bool:
    """Whether a sentence tells what to do."""
    end = low.rstrip(".!~ ")
    if end.endswith(INSTRUCTION_ENDS) or has(low, INSTRUCTION_PHRASES):
        return True
    return low.isascii() and low.split(" ", 1)[0].rstrip(",:") in INSTRUCTION_WORDS


@_remembered
def is_done(low: str) -> bool:
    """Whether a sentence tells what was done about it."""
    if low.isascii():
        return has(low, _DONE_EN) and has(low, _DONE_SUBJECTS)
    return low.rstrip(".!~ ").endswith(_DONE_ENDS) and has(low, _DONE_KO)


@_remembered
def is_failure(low: str) -> bool:
    """Whether a sentence says that it does not work (yet)."""
    return has(low, _FAILURE) and not has(low, _NO_FAILURE)


@_remembered
def is_success(low: str) -> bool:
    """Whether a sentence says that it works."""
    return has(low, SUCCESS) and not is_failure(low)
