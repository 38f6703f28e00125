"""The HTML of support mail: paragraphs, lists, tables, signatures, quoted history."""

import html
import re
from collections.abc import Sequence

from sandbox.data.facts import stamp
from sandbox.data.model import Person

_TAG = re.compile(r"<[^>]+>")
_CELL = re.compile(r"</t[dh]>")
_BREAK = re.compile(r"<br\s*/?>|</(?:div|p|li|tr|blockquote)>")
_SPACE = re.compile(r"[ \t]*\n\s*")


def paragraphs(*texts: str) -> str:
    """One `div` per text; line ends become `<br>`, as the Freshdesk editor writes them."""
    return "".join(f'<div dir="ltr">{html.escape(text, quote=False).replace(chr(10), "<br>")}</div>' for text in texts if text)


def ordered(steps: Sequence[str]) -> str:
    """A numbered list."""
    return "<ol>" + "".join(f"<li>{html.escape(step, quote=False)}</li>" for step in steps) + "</ol>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table with a header row."""
    head, *rest = rows
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rest)
    return f'<table border="1" cellpadding="4"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def inline_image(attachment_id: int) -> str:
    """An inline picture; the renderer puts the address in when it answers."""
    return f'<div><img src="{{{{inline:{attachment_id}}}}}" data-id="{attachment_id}" class="inline-image" style="height:auto" /></div>'


def plain(body: str) -> str:
    """The text of an HTML body, roughly as Freshdesk fills `body_text` and `description_text`."""
    text = html.unescape(_TAG.sub("", _BREAK.sub("\n", _CELL.sub(" ", body))))
    return _SPACE.sub("\n", text).strip()


def signature(person: Person, company: str, disclaimer: str) -> str:
    """What a mail program adds below a message."""
    if person.mailer == "phone":
        line = "나의 iPhone에서 보냄" if person.lang == "ko" else "Sent from my iPhone"
        return f"<div><br></div><div>{line}</div>"
    if person.mailer == "portal":
        return ""
    reach = person.mobile or person.phone or person.email
    lines = [person.name, f"{person.job_title or ''} | {company}", f"T. {reach}", person.email]
    card = "<br>".join(html.escape(line) for line in lines)
    extra = f'<div style="color:#999">{html.escape(disclaimer)}</div>' if person.mailer == "outlook" else ""
    return f'<div class="signature"><br>-- <br>{card}</div>{extra}'


def quoted(reader: Person, writer: Person, when: int, body: str, subject: str) -> str:
    """The earlier message as the mail program of the reader quotes it, in the reader's language."""
    korean = reader.lang == "ko"
    if reader.mailer == "outlook":
        return _outlook(writer, when, body, subject, korean=korean)
    if reader.mailer == "portal":
        return ""
    address = f"&lt;{writer.email}&gt;"
    name = html.escape(writer.name)
    line = f"{stamp(when, 'ko')}, {name} {address}님이 작성:" if korean else f"On {stamp(when, 'en')}, {name} {address} wrote:"
    style = "margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex"
    return (
        f'<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{line}<br></div>'
        f'<blockquote class="gmail_quote" style="{style}">{body}</blockquote></div>'
    )


def _outlook(writer: Person, when: int, body: str, subject: str, *, korean: bool) -> str:
    who = f"{html.escape(writer.name)} &lt;{writer.email}&gt;"
    title = html.escape(subject)
    if korean:
        head = f"-----원본 메시지-----<br><b>보낸 사람:</b> {who}<br><b>보낸 날짜:</b> {stamp(when, 'ko')}<br><b>제목:</b> RE: {title}"
    else:
        head = f"-----Original Message-----<br><b>From:</b> {who}<br><b>Sent:</b> {stamp(when, 'en')}<br><b>Subject:</b> RE: {title}"
    return f'<br><div id="divRplyFwdMsg" dir="ltr">{head}</div><div>{body}</div>'
