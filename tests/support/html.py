"""A piece of HTML, parsed for assertions."""

from __future__ import annotations

from html.parser import HTMLParser

INLINE = ("span", "b", "bdi", "i", "del", "ins")


class Page(HTMLParser):
    """The elements of a piece of HTML, and its text. Every tag must be closed."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(html)
        self.close()
        assert self.open == [], "a tag is never closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)
        self.words.append("" if tag in INLINE else " ")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def tags(self):
        return [tag for tag, _ in self.elements]

    @property
    def attributes(self):
        return [pair for _, found in self.elements for pair in found.items()]

    @property
    def text(self):
        """On one line."""
        return " ".join("".join(self.words).split())
