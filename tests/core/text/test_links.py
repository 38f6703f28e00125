"""What is new at every fetch is taken out."""

from backend.core.text.links import without_addresses, without_signatures


def test_signed_queries_go_and_others_stay() -> None:
    html = '<a href="https://s3.example.com/f.png?X-Amz-Date=1&amp;X-Amz-Expires=300">f</a> <a href="https://a.b/?q=1">g</a>'
    assert without_signatures(html) == '<a href="https://s3.example.com/f.png">f</a> <a href="https://a.b/?q=1">g</a>'


def test_addresses_of_pictures_go() -> None:
    assert without_addresses('<img src="https://x/y?token=1" alt="a">') == '<img alt="a">'
    assert without_addresses("<IMG SRC=https://x alt=a>") == "<IMG alt=a>"
