"""The explorer's answers to its page, without a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import made_library
from whisper_magic.library.library import Library
from whisper_magic.library.rows import Filters
from whisper_magic.notebook.views import hits as hits_view
from whisper_magic.notebook.views import library as library_view
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.explorer import Explorer


class Page:
    """Asks an explorer as a page does."""

    def __init__(self, explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.explorer, self.sent = explorer, list[Any]()
        monkeypatch.setattr(explorer, "send", lambda content, buffers=None: self.sent.append((content, buffers)))

    def ask(self, kind: str, **what: Any) -> Any:
        self.explorer._on_message(None, {"id": "a", "kind": kind, **what}, [])
        content, self.buffers = self.sent[-1]
        assert content["id"] == "a"
        return content["value"] if "value" in content else content["error"]

    def view(
        self, text: str = "", sort: str = "added", *, descending: bool = False, run: int = 0, **filters: Any
    ) -> Any:
        return self.ask("view", text=text, filters=json.dumps(filters), sort=sort, descending=descending, run=run)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(made_library.make(tmp_path / "made.db", 250, sound=tmp_path / "sound")) as opened:
        yield opened


@pytest.fixture
def page(library: Library, monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(Explorer(library), monkeypatch)


def test_the_first_answer_holds_what_the_first_screen_shows(page: Page) -> None:
    first = page.ask("first")
    assert first["total"] == 250
    assert len(first["rows"]) == 100
    assert first["scored"] is True
    assert first["failures"] == 0
    assert [one["name"] for one in first["runs"]] == ["openai/whisper-base · float32"]
    assert first["rows"] == page.view()["rows"]  # the quick way shows what the other does


def test_rows_are_asked_for_by_the_view_that_they_are_of(page: Page, library: Library) -> None:
    shown = page.view(sort="duration", descending=True)
    rows = page.ask("rows", token=shown["token"], start=100, count=50)
    lengths = library.to_pandas().duration.sort_values(ascending=False).tolist()
    assert [row["duration"] for row in rows] == lengths[100:150]
    for _ in range(20):
        page.view()
    assert "not kept any more" in page.ask("rows", token=shown["token"], start=0, count=1)


def test_facets_count_what_the_other_filters_let_pass(page: Page, library: Library) -> None:
    table = library.to_pandas()
    shown = page.view(facets={"language": ["de"]}, ranges={"confidence": [0.8, 2]})
    sure = table[table.confidence >= 0.8]
    assert shown["total"] == (sure.language == "de").sum()
    assert dict(shown["facets"]["language"]) == sure.language.value_counts().to_dict()
    assert sum(shown["histograms"]["confidence"]["counts"]) == (table.language == "de").sum()
    assert sum(shown["histograms"]["duration"]["counts"]) == shown["total"]


def test_named_views(page: Page, library: Library) -> None:
    table = library.to_pandas()
    worst = page.view(named="hardest")["rows"]
    assert worst[0]["wer"] == pytest.approx(table.wer.max(), abs=1e-4)
    assert page.view(named="hallucinations")["total"] == (table["flags"].str.len() > 0).sum()
    assert page.view(named="references")["total"] == ((table.wer >= 0.3) & (table.confidence >= 0.7)).sum()
    library.accept([3, 4])
    assert page.view(named="accepted")["total"] == 2
    assert page.view(named="open")["total"] == 248


def test_a_search_marks_its_hit(page: Page) -> None:
    row = page.view("harbour")["rows"][0]
    assert row["hit"]["match"] == "harbour"
    assert row["start"] >= 0
    assert isinstance(row["hit"]["before"] + row["hit"]["after"], str)
    assert page.view("-harbour") == "the search '-harbour' has only excluded words: add a word to find"


def test_what_people_add_is_kept(page: Page, library: Library) -> None:
    page.ask("tag", recordings=[1, 2], add=" very   noisy ", remove="")
    page.ask("note", recording=1, text=" look again ")
    page.ask("accept", recordings=[2], accepted=True)
    page.ask("tag", recordings=[2], add="", remove="very noisy")
    table = library.to_pandas().set_index("recording")
    assert table.tags[1] == ("very noisy",)
    assert table.tags[2] == ()
    assert table.note[1] == "look again"
    assert table.accepted[2]


def test_the_selection_is_a_table(page: Page, library: Library) -> None:
    assert page.ask("select", recordings=[5, 7], token=0, all=False) == {"count": 2}
    assert library.selected.recording.tolist() == [5, 7]
    shown = page.view(facets={"language": ["fr"]})
    assert page.ask("select", recordings=[], token=shown["token"], all=True) == {"count": shown["total"]}
    assert set(library.selected.language) == {"fr"}


def test_two_runs_are_compared(page: Page, library: Library) -> None:
    first = library.transcript(1)
    with library.store.writing() as connection:
        connection.execute('UPDATE run SET options = \'{"task": "translate"}\' WHERE id = 2')
    other = replace(first, segments=(replace(first.segments[0], text=" xylophone"), *first.segments[1:]))
    library.store.save(1, 2, other)
    library.store.save(2, 2, library.transcript(2))
    (only,) = page.ask("differences", first=1, second=2)
    assert only["recording"] == 1
    assert only["stretches"][0]["second"] == "xylophone"
    assert page.ask("differences", first=1, second=9) == "there is no run 9; the runs are 1, 2"
    assert page.view(run=2)["total"] == 250


def test_a_text_against_none_differs_beyond_any_rate(page: Page, library: Library) -> None:
    pytest.importorskip("jiwer")
    with library.store.writing() as connection:
        connection.execute('UPDATE run SET options = \'{"task": "translate"}\' WHERE id = 2')
    library.store.edit(1, replace(library.transcript(1), segments=()))
    library.store.save(1, 2, library.transcript(2))
    (only,) = page.ask("differences", first=1, second=2)
    assert (only["differs"], only["first"]) == (None, "")  # JSON has no infinity


def test_only_a_stop_stops_the_jobs(page: Page) -> None:
    class Job:
        done, stops = False, 0

        def stop(self) -> None:
            self.stops += 1

    jobs = Job(), Job()
    page.explorer.jobs += jobs
    page.ask("first")
    for request in (request for request in messages.EXPLORER if request.kind != "stop"):
        page.ask(request.kind, **{field.name: 1 for field in fields(request) if field.name != "id"})
    assert [job.stops for job in jobs] == [0, 0]
    assert page.ask("stop") == {}
    assert [job.stops for job in jobs] == [1, 1]
    jobs[0].done = jobs[1].done = True
    page.explorer.notify("0:04 of 0:20", 0.2, running=True)
    assert page.ask("stop") == {}
    assert page.sent[-2][0] == {"notice": "run", "state": "", "fraction": None, "running": False}


def test_a_row_has_its_sound(page: Page) -> None:
    described = page.ask("rowsound", recording=1)
    assert described["mime"] == "audio/wav"
    assert described["path"].endswith("talk-1.wav")
    done, got = False, 0
    while not done:
        answer = page.ask("rowchunk", recording=1, offset=got)
        done, got = answer["done"], got + len(page.buffers[0])
    assert got > 1000


@pytest.mark.parametrize(
    "what",
    [
        {"kind": "view", "text": "", "filters": "[", "sort": "added", "descending": False, "run": 0},
        {"kind": "view", "text": "", "filters": "[]", "sort": "added", "descending": False, "run": 0},
        {
            "kind": "view",
            "text": "",
            "filters": '{"facets": {"no": []}}',
            "sort": "added",
            "descending": False,
            "run": 0,
        },
        {"kind": "view", "text": "", "filters": '{"named": "no"}', "sort": "added", "descending": False, "run": 0},
        {"kind": "view", "text": "", "filters": "{}", "sort": "no; DROP TABLE", "descending": False, "run": 0},
        {"kind": "view", "text": "", "filters": "{}", "sort": "added", "descending": 1, "run": 0},
        {"kind": "tag", "recordings": ["1"], "add": "x", "remove": ""},
        {"kind": "tag", "recordings": "1", "add": "x", "remove": ""},
        {"kind": "tag", "recordings": [1], "add": "x" * 100, "remove": ""},
        {"kind": "open", "transcript": 999},
        {"kind": "rowsound", "recording": 999},
        {"kind": "document"},
    ],
)
def test_a_hostile_page_gets_a_line(page: Page, library: Library, what: dict[str, Any]) -> None:
    answer = page.ask(what.pop("kind"), **what)
    assert isinstance(answer, str)
    assert "\n" not in answer
    assert len(library) == 250


def test_the_static_view_reads_well_without_a_kernel(library: Library) -> None:
    html = library_view.html(library)
    assert html.count('role="row"') == 201
    assert "the first 200 of 250" in html
    assert "<script" not in html
    assert "250 recordings" in library_view.text(library)
    assert library_view.line(library).startswith("<Library ")


def test_hits_as_html_are_escaped(library: Library) -> None:
    hits = library.hits("harbour", limit=3)
    assert hits_view.html(hits).count("<b>harbour</b>") == 3
    assert "3 hits" in hits_view.text(hits) or "the first 3 hits" in hits_view.text(hits)
    nothing = library.hits("<b>zebra</b>")
    assert "&lt;b&gt;" in hits_view.html(nothing)


def test_filters_check_their_names() -> None:
    with pytest.raises(ValueError, match="no facet is called 'languag'; did you mean language"):
        Filters(facets={"languag": ()})
