"""The budget of sizes: what is at the limit passes, what is over it is named."""

from tools.sizes import check


def _function(lines: int) -> str:
    return "def f() -> None:\n" + "    a = 1\n" * (lines - 1)


def test_a_file_may_have_300_lines() -> None:
    assert list(check("backend/a.py", "a = 1\n" * 300)) == []
    assert list(check("backend/a.py", "a = 1\n" * 301)) == ["backend/a.py: 301 lines, more than 300: find the seam"]


def test_a_function_may_have_60_lines() -> None:
    assert list(check("backend/a.py", _function(60))) == []
    (finding,) = check("backend/a.py", _function(61))
    assert finding.startswith("backend/a.py:1: f has 61 lines")


def test_five_positional_parameters_besides_self_and_any_number_by_name() -> None:
    assert list(check("backend/a.py", "class A:\n    def f(self, a, b, c, d, e, *, g, h, i): ...")) == []
    (finding,) = check("backend/a.py", "async def f(a, b, c, d, e, f): ...")
    assert "6 positional parameters" in finding


def test_a_test_takes_as_many_fixtures_as_it_needs() -> None:
    assert list(check("tests/test_a.py", "def test(a, b, c, d, e, f): ...")) == []
