"""Markup can be made from text in one way only, and that escapes."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.study.report.limits import MODULES, limits
from edensim.study.report.markup import stylesheet, table, tag


class Collector(HTMLParser):
    """Tags, attribute values and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.values, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.values += [value for _, value in attributes]

    def handle_data(self, data):
        self.text += data


@given(st.text())
def test_any_text_stays_text(text):
    """Whatever the text, there is one element, one attribute, and the text comes back unless HTML forbids it."""
    page = Collector(tag("p", text, title=text))
    assert page.tags == ["p"]
    assert len(page.values) == 1
    if text.isprintable():
        assert page.text == page.values[0] == text


@pytest.mark.parametrize(
    ("name", "url"), [("href", "https://a.b"), ("href", "javascript:1"), ("src", "data:text/html,x"), ("src", "x.png")]
)
def test_links_cannot_leave_the_file(name, url):
    """A reference to anything outside is a defect that raises."""
    with pytest.raises(ValueError, match="leads out"):
        tag("a", **{name: url})


@pytest.mark.parametrize("css", ["</style>", "a { b: url(x) }", "@import 'x'"])
def test_style_sheets_stand_for_themselves(css):
    """No tag and no other file inside a style sheet."""
    with pytest.raises(ValueError, match="stand for itself"):
        stylesheet(css)


def test_tables_have_headers():
    """Head cells are for columns, the first cell of a row is for the row; numbers are marked from the second on."""
    text = table(["", "a"], [["x", "1"]])
    assert '<th scope="col"></th><th class="n" scope="col">a</th>' in text
    assert '<th scope="row">x</th><td class="n">1</td>' in text


def test_every_part_of_the_model_admits_its_limits():
    """Each module listed still says what it does not model; renaming one or dropping the sentence fails here."""
    assert {limit.part for limit in limits()} == MODULES.keys()
    assert all(len(limit.text) > 10 for limit in limits())
    assert {limit.part for limit in limits("eyeriss")} == MODULES.keys() - {
        "TPU", "Code on CPUs", "Caches", "Cores", "CPU runs"
    }  # fmt: skip
