"""What is new at every fetch is taken out."""

from backend.core.text.links import article_ids, without_addresses, without_signatures


def test_signed_queries_go_and_others_stay() -> None:
    html = '<a href="https://s3.example.com/f.png?X-Amz-Date=1&amp;X-Amz-Expires=300">f</a> <a href="https://a.b/?q=1">g</a>'
    assert without_signatures(html) == '<a href="https://s3.example.com/f.png">f</a> <a href="https://a.b/?q=1">g</a>'


def test_addresses_of_pictures_go() -> None:
    assert without_addresses('<img src="https://x/y?token=1" alt="a">') == '<img alt="a">'
    assert without_addresses("<IMG SRC=https://x alt=a>") == "<IMG alt=a>"


def test_addresses_of_articles() -> None:
    text = (
        "https://help.acme.example/ko/support/solutions/articles/67400010001-비밀번호 그리고 "
        "https://acme.freshdesk.com/a/solutions/articles/67400010002 (https://acme.freshdesk.com/support/solutions/articles/67400010001)"
    )
    assert article_ids(text, "freshdesk") == ["67400010001", "67400010002"]
    assert article_ids(text, "zendesk") == article_ids(text, "file") == []
    zendesk = "https://acme.zendesk.com/hc/en-us/articles/360001-Reset https://acme.zendesk.com/hc/articles/360002 /hc/ko/articles/360003"
    assert article_ids(zendesk, "zendesk") == ["360001", "360002", "360003"]
    assert article_ids("https://acme.freshdesk.com/support/solutions/folders/4711", "freshdesk") == []
