"""Two prompts of the product: one with a schema, one without."""

from backend.core.model.answer import Prompt, SourceText
from backend.core.model.article import Visibility
from backend.core.model.document import Part
from backend.core.model.ticket import Role
from backend.core.prompts.answer import answer_prompt
from backend.core.prompts.summary import summary_prompt


def summary() -> Prompt:
    """Asks for JSON of the summary's schema."""
    text = "VPN 접속이 안 됩니다. ERR-4012 오류가 나옵니다."
    return summary_prompt("VPN 오류", [Part(kind="description", text=text, visibility=Visibility.CONVERSATION, role=Role.CUSTOMER)])


def question() -> Prompt:
    """Asks for an answer in words."""
    source = SourceText(number=1, title="VPN", text="재설정하면 됩니다.", visibility=Visibility.PUBLIC, document_id="d")
    return answer_prompt("VPN이 안 돼요", "ko", [source])
