"""HTML of mails and articles becomes readable text, whatever it looks like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.text.html import Section, clean_text, html_sections, html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>안녕하세요.</p><p>로그인이 <b>안</b>됩니다.</p>", "안녕하세요.\n\n로그인이 안됩니다."),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("one<br>two<br/>three<BR>four", "one\ntwo\nthree\nfour"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc"),
        ("<ul><li>하나</li><li><p>둘</p></li></ul>", "- 하나\n- 둘"),
        ("<ol><li>first<li>second</ol>", "1. first\n2. second"),
        ("<table><tr><th>이름<th>값<tr><td><p>A</p></td><td></td><td>3</td></table>", "이름 | 값\nA | | 3"),
        ("<table><tr><td>a<table><tr><td>b</td><td>c</td></tr></table></td><td>d</td></tr></table>", "a\nb | c | d"),
        ("<pre>  x = 1\n    y = 2</pre>", "x = 1\n    y = 2"),
        ("a &lt; b &amp;&amp; c&nbsp;&nbsp;d &#44032;", "a < b && c d 가"),
        ("<title>t</title><style>p{}</style><script>if (a<b) x()</script><!-- <p>c</p> -->text", "text"),
        ("<head><meta charset=utf-8><style>p{}</style><body>unclosed head", "unclosed head"),
        ("<!--[if mso]><p>office</p><![endif]-->shown", "shown"),
        ("plain without tags &amp; entities", "plain without tags & entities"),
        ("홍길동 <a@b.c> 님", "홍길동 <a@b.c> 님"),
        ("if a < b then c", "if a < b then c"),
        ('<span title="a>b">x</span>', "x"),
        ("x<span style='display: none'>hidden</span>y", "xy"),
        ("\u200b<p>한\u200b글\ufeff</p>", "한글"),
        ("<b<p>\x1b<p><b", "<b\n\n<b"),
        ("<p>\u1112\u1161\u11ab\u1100\u1173\u11af</p>", "한글"),
    ],
)
def test_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://example.com/help">도움말</a>', "도움말 (https://example.com/help)"),
        ('<a href="https://example.com/">example.com</a>', "example.com"),
        ('<a href="mailto:a@b.co">a@b.co</a>', "a@b.co"),
        ('<a href="javascript:x()">go</a> <a href="#top">up</a> <a name=x>n</a>', "go up n"),
        ('<a href="https://a.b"><img src="x.png"></a>done', "done"),
        ('<img alt="오류 화면" src="x.png"> 참고', "오류 화면 참고"),
        ('<img alt="t" width="1" height="1" src="https://track.example/p">', ""),
    ],
)
def test_links_and_pictures(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    "quoted",
    [
        '<blockquote class="freshdesk_quote">old</blockquote>',
        '<div class="freshdesk_quote"><blockquote class="freshdesk_quote">old</blockquote></div>',
        '<div class="gmail_quote">old</div>',
        '<div class="gmail_quote"><div class="gmail_attr">On Monday X wrote:</div><blockquote class="gmail_quote">old</blockquote></div>',
        '<blockquote type="cite">old<blockquote type="cite">older</blockquote></blockquote>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: x</div><div>old</div>',
        '<div class="moz-cite-prefix">On X wrote</div><blockquote type=cite>old</blockquote>',
        '<div class="gmail_signature">Hong</div>',
    ],
)
def test_quoted_containers_are_left_out(quoted: str) -> None:
    assert html_to_text(f"<div>새 글</div>{quoted}") == "새 글"


def test_answers_between_gmail_quotes_stay() -> None:
    html = (
        '<div class="gmail_quote"><div class="gmail_attr">X wrote:</div><blockquote class="gmail_quote">q1</blockquote>'
        '<div>답 1</div><blockquote class="gmail_quote">q2</blockquote><div>답 2</div></div>'
    )
    assert html_to_text(html) == "답 1\n\n답 2"


def test_a_forwarded_mail_stays() -> None:
    html = '<div>FYI</div><div class="gmail_quote">---------- Forwarded message ---------<br>From: X<br>broken</div>'
    assert html_to_text(html).endswith("broken")


def test_a_page_of_quotes_only_keeps_them() -> None:
    assert html_to_text('<blockquote type="cite">전부 인용</blockquote>') == "전부 인용"
    assert html_to_text("<div>a</div><blockquote type=cite>b</blockquote>", keep_quotes=True) == "a\n\nb"


def test_sections() -> None:
    html = "<p>intro</p><h1>설치</h1><p>one</p><h2>윈도우</h2><ul><li>two</ul><h1>삭제</h1>"
    assert html_sections(html) == [
        Section(0, "", "intro"),
        Section(1, "설치", "one"),
        Section(2, "윈도우", "- two"),
        Section(1, "삭제", ""),
    ]
    assert html_sections("plain") == [Section(0, "", "plain")]
    assert html_sections("") == []


@pytest.mark.parametrize(
    "unit",
    [
        "<div>",
        "<p><font a=1>",
        "<blockquote><p>",
        '<a href="http://x">',
        "<table><tr><td>",
        "<ul><li>",
        "<svg>",
        "<!--",
        "<script>",
        '<span "',
        "<",
        "&nbsp;",
        '<div class="gmail_quote">',
        "<div style=display:none>x</div>",
        "<div class=gmail_quote></div>",
    ],
)
def test_hostile_pages_take_linear_time(unit: str) -> None:
    # Any quadratic rule would take minutes here and end by the suite's time limit.
    html_to_text(unit * (150_000 // len(unit)) + "end")


TAGS = ["<p>", "</p>", "<br>", "<td>", "<tr>", "<table>", "</table>", "<li>", "<ol>", "</ol>", "<pre>", "<b", ">", "'", '"', "<!--", "-->"]
TAGS += [
    "<a href='http://a.b/c'>",
    "</a>",
    "<img alt=x>",
    "<blockquote type=cite>",
    "</blockquote>",
    "<h1>",
    "</h1>",
    "&amp;",
    "&#0;",
    "가나",
    " ",
]
MARKUP = st.lists(st.one_of(st.sampled_from(TAGS), st.text(max_size=5)), max_size=40).map("".join)


@given(MARKUP)
def test_never_fails_and_never_grows(html: str) -> None:
    text = html_to_text(html)
    assert len(text) <= len(html) + 3 * html.count("<li")
    assert text == text.strip()
    assert "\n\n\n" not in text
    html_sections(html)


@given(st.text(max_size=200))
def test_clean_text_is_stable(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert len(once) <= len(text)
