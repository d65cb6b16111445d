"""A lesson's content and its two views, of what the bundled pair decoded and measured."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.hostile import PAYLOADS
from tests.support.html import Page
from whisper_magic import Engine
from whisper_magic.audio.load import load
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.lessons.measure import PLAIN, Replay, study_lengths
from whisper_magic.lessons.theory import MACHINES
from whisper_magic.notebook.views import lesson as view
from whisper_magic.notebook.views.text import Style
from whisper_magic.notebook.widgets import lesson_contents as contents

KINDS = ("race", "stepper", "lab", "bench")
SCRIPT = 'const end = "</script>";'
NASTY = "\x1b[2J\r\n\x07talk.wav"


@pytest.fixture(scope="module")
def engine():
    with Engine.load("demo", device="cpu") as loaded:
        yield loaded


@pytest.fixture(scope="module")
def sound():
    return load(demo_folder() / "sample.ogg", end=8.0)


@pytest.fixture(scope="module")
def played(engine, sound):
    made = {draft: engine.transcribe(sound, PLAIN, draft=draft, trace=True) for draft in ("none", "model")}
    return Replay(*(replace(one, source="talk.wav") for one in made.values()))


@pytest.fixture(scope="module")
def study(engine, sound):
    return study_lengths(engine, sound, (1, 4), repeats=1)


@pytest.fixture(scope="module")
def content(engine, sound, played, study):
    """The content of each kind; of a recording of another name where one is given."""

    def of(kind, name="talk.wav"):
        renamed = Replay(replace(played.alone, source=name), replace(played.drafted, source=name))
        page_sound = contents.PageSound(replace(sound, source=name))
        if kind == "lab":
            return contents.lab(study, engine.pass_costs, name, "demo with demo-draft")
        if kind == "bench":
            return contents.bench(renamed, engine.token_text)
        return {"race": contents.race, "stepper": contents.stepper}[kind](renamed, page_sound, engine.token_text)

    return of


def page_data(html):
    begin = '<script type="application/json" class="wm-lesson-data">'
    assert html.count(begin) == 1
    return json.loads(html.partition(begin)[2].partition("</script")[0], parse_constant=pytest.fail)


# -- views -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_text_has_the_result_the_figures_and_where_they_are_from(content, kind):
    made = content(kind)
    lines = view.text(made).splitlines()
    assert lines[0] == f"{made.title} · {made.summary}"
    shown = view.text(made, Style(width=1000))
    for row in (made.table.head, *made.table.rows):
        assert all(cell.strip() in shown for cell in row)
    assert made.table.caption in shown
    assert lines[-1] == made.data["notes"][-1]
    assert any(word in lines[-1] for word in ("Measured", "Computed"))


@pytest.mark.parametrize("kind", KINDS)
def test_html_has_all_of_it_without_a_script(content, kind):
    made = content(kind)
    html = view.html(made, SCRIPT, "a1b2")
    page = Page(html)
    tag, attributes = page.elements[0]
    assert (tag, attributes["data-whisper-lesson"], attributes["aria-label"]) == ("div", kind, made.title)
    assert "a1b2" in attributes.values()
    assert page.tags.count("table") == page.tags.count("caption") == 1
    static = Page(html.partition('<script type="application/json"')[0] + "</div>")
    for text in (made.title, made.summary, made.table.caption, *made.data["notes"]):
        assert " ".join(text.split()) in static.text


@pytest.mark.parametrize("kind", KINDS)
def test_html_holds_the_data_and_the_script(content, kind):
    made = content(kind)
    html = view.html(made, SCRIPT)
    data = page_data(html)
    assert data["kind"] == kind
    assert data == data | json.loads(json.dumps(made.data))
    assert r'<script type="module">const end = "<\/script>";</script>' in html
    assert Page(html).tags.count("script") == 2
    assert "src" not in dict(Page(html).attributes), "nothing is fetched"


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_breaks_out(content, kind):
    made = content(kind)
    expected = Page(view.html(made, SCRIPT)).tags
    for payload in PAYLOADS:
        renamed = replace(made, title=payload, summary=payload, data=made.data | {"title": payload, "notes": [payload]})
        html = view.html(renamed, SCRIPT)
        assert Page(html).tags == expected
        assert page_data(html)["title"] == payload


@pytest.mark.parametrize("kind", KINDS)
def test_no_control_character_is_in_the_page(content, kind):
    html = view.html(content(kind, NASTY), SCRIPT)
    assert "\x1b" not in html
    assert "\x07" not in html


@pytest.mark.parametrize("kind", ["race", "stepper", "lab"])
def test_no_control_character_reaches_a_terminal(content, kind):
    shown = view.text(content(kind, NASTY))
    assert "\x1b" not in shown
    assert "\x07" not in shown


# -- contents --------------------------------------------------------------------------------------------------------


def words(tokens):
    """The text of what was written, without timestamps."""
    shown = (token["text"] for token in tokens if token["verdict"] != "r")
    return "".join(text for text in shown if not text.startswith("<|")).strip()


def test_a_race_has_two_lanes_of_the_same_text(content, played):
    data = content("race").data
    assert data["same"]
    alone, drafted = data["lanes"]
    for lane in (alone, drafted):
        assert words(token for one in lane["rounds"] for token in one["tokens"]) == played.alone.text == data["text"]
        assert lane["total_ms"] > 0
    assert len(alone["rounds"]) == len(played.alone.trace.rounds) > len(drafted["rounds"])
    assert {one["proposed"] for one in alone["rounds"]} == {0}


def test_a_race_says_where_the_texts_differ(engine, sound, played):
    other = replace(played.alone, segments=played.alone.segments[:1])
    made = contents.race(Replay(other, played.drafted), contents.PageSound(sound), engine.token_text)
    assert made.summary.endswith("the texts differ")
    assert not made.data["same"]


def test_the_sound_is_small(sound):
    data = contents.PageSound(sound, start=2.0).data
    assert len(data["peaks"]) == contents.MAX_PEAKS
    assert max(data["peaks"]) == 1
    assert min(data["peaks"]) >= 0
    assert (data["duration"], data["start"]) == (8.0, 2.0)
    silent = replace(sound, samples=sound.samples[:0])
    assert contents.PageSound(silent).data["peaks"] == [0.0]


def test_a_stepper_has_every_round_and_its_table_the_first(content, played):
    made = content("stepper")
    rounds = played.drafted.trace.rounds
    assert [one["accepted"] for one in made.data["rounds"]] == [one.accepted for one in rounds]
    assert len(made.table.rows) == min(contents.FEW_ROUNDS, len(rounds))
    first = made.table.rows[0]
    assert first[:1] + first[2:3] == ("1", f"{rounds[0].accepted} of {len(rounds[0].proposed)}")


def test_a_stepper_knows_p_and_q_of_what_was_judged(content):
    judged = [
        token
        for one in content("stepper").data["rounds"]
        for token in one["tokens"][: one["accepted"] + 1]
        if token["verdict"] in "ar"
    ]
    assert judged
    assert all(0 <= token["p"] <= 1 and 0 <= token["q"] <= 1 for token in judged)


def test_a_lab_has_measurement_beside_formula(content, study, engine):
    made = content("lab")
    assert [row[0] for row in made.table.rows] == ["1", "4"]
    best = max(study.lengths, key=lambda one: one.speedup)
    assert made.summary == (
        f"fastest at draft length {best.length}: {best.speedup:.2f} times as fast as the target alone"
    )
    assert [one["length"] for one in made.data["measured"]["by_length"]] == [1, 4]
    assert made.data["measured"]["by_position"] == list(study.by_position)
    assert [machine["name"] for machine in made.data["machines"]] == [machine.name for machine in MACHINES]
    target, draft = engine.pass_costs
    assert made.data["model"]["target_bytes"] == target.weight_bytes
    assert made.data["model"]["draft_flops"] == draft.token_flops


@pytest.mark.parametrize(
    ("by_position", "mean"),
    [
        ((0.7,), 0.7),
        ((0.7, 0.7, 0.7), 0.7),
        ((0.8, 0.5), (0.8 + 0.8 * 0.5) / 1.8),
        ((0.5, 0.0, 1.0), 0.5 / 1.5),
        ((), 0),
    ],
)
def test_a_lab_s_one_acceptance_is_a_mean_over_what_was_judged(engine, study, by_position, mean):
    made = contents.lab(replace(study, by_position=by_position), engine.pass_costs, "talk.wav", "demo")
    assert made.data["measured"]["acceptance"] == pytest.approx(mean)


def test_a_bench_begins_where_the_models_differ(content, played):
    data = content("bench").data
    assert len(data["tokens"]) == len(data["p"]) == len(data["q"])
    assert data["tokens"][-1] == "(others)"
    assert sum(data["p"]) == pytest.approx(1)
    assert sum(data["q"]) == pytest.approx(1)
    assert not any(token.startswith("<|") for token in data["tokens"])
    assert data["context"]
    assert data["context"] in played.drafted.text
    assert max(abs(p - q) for p, q in zip(data["p"], data["q"], strict=True)) > 0.1


def test_a_bench_has_an_example_where_nothing_differs(engine, played):
    bare = replace(played.drafted, trace=replace(played.drafted.trace, rounds=()))
    data = contents.bench(Replay(bare, bare), engine.token_text).data
    assert data["tokens"] == ["a", "b", "c"]
    assert sum(data["p"]) == pytest.approx(1)
    assert sum(data["q"]) == pytest.approx(1)
