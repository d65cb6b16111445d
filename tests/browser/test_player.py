"""The player in a real JupyterLab: what a person does with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support import talk
from tests.support.axe import axe_violations
from tests.support.hostile import PAYLOADS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.support.lab import Lab, Notebook

pytestmark = pytest.mark.browser

FOREIGN = "img, script, iframe, object, embed, a, form, base, meta, link, video, marquee, [onload], [onerror]"
DRAWN = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"
LONG = 360.0  # seconds: more than five minutes
LOAD = """
%load_ext whisper_magic
from tests.support import talk
from whisper_magic.notebook.widgets.players import PLAYERS
engine = talk.Engine()
PLAYERS.engine_of = lambda transcript: engine
"""


@dataclass
class Shown:
    """A player on a page."""

    notebook: Notebook
    root: Locator

    @property
    def page(self) -> Page:
        return self.notebook.page

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def word(self, text: str) -> Locator:
        return self.root.locator(".word", has_text=text)

    @property
    def clock(self) -> str:
        return self.root.locator(".clock b").inner_text()

    @property
    def status(self) -> str:
        return self.root.locator(".say").inner_text()

    @property
    def waveform(self) -> Locator:
        return self.root.locator(".waveform")

    def at(self, share: float) -> tuple[float, float]:
        """A place of the waveform, in pixels of the page."""
        box = self.waveform.bounding_box()
        assert box is not None
        return box["x"] + share * box["width"], box["y"] + box["height"] / 2

    def expect(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression about the shadow root `r` holds."""
        found = "document.querySelector('[data-live] > div:not([class])').shadowRoot"
        self.page.wait_for_function(f"() => {{ const r = {found}; return {condition} }}", timeout=seconds * 1000)


@pytest.fixture
def player(lab: Lab) -> Callable[..., Shown]:
    """Open a notebook that shows the made recording."""

    def opened(
        *, folder: Path | None = None, code: str = "t", more: str = "", seconds: float = talk.SECONDS, **options: Any
    ) -> Shown:
        lab.folder.mkdir(parents=True, exist_ok=True)
        path = talk.write((folder or lab.folder) / "talk.flac", seconds)
        made = f"talk.transcript({str(path)!r}, length={seconds})"
        notebook = lab.notebook(f"{LOAD}\nt = {made}", code, more, shared="player", **options)
        notebook.run(0)
        notebook.run(1)
        shown = Shown(notebook, notebook.outputs(1).locator("[data-live] > div .player"))
        shown.root.last.wait_for()
        return shown

    return opened


def test_words_sound_in_step_and_the_file_comes_from_the_server(player: Callable[..., Shown]) -> None:
    shown = player()
    requests: list[str] = []
    shown.page.on("request", lambda request: requests.append(request.url))
    shown.button("Play").click()
    shown.expect("r.querySelector('.word.now')?.textContent === 'one'")
    shown.expect("r.querySelector('.word.now')?.textContent === 'two'")
    shown.button("Pause").click()
    assert shown.clock in ("0:02", "0:03")
    assert shown.root.locator(".segment.now .time").inner_text() == "0:00"
    assert any("/files/" in url and url.endswith("/talk.flac") for url in requests)
    assert shown.waveform.get_attribute("aria-valuetext") in ("2 seconds of 20 seconds", "3 seconds of 20 seconds")
    assert shown.notebook.problems.all() == []


def test_words_waveform_and_keys_seek(player: Callable[..., Shown]) -> None:
    shown = player()
    shown.word("four").click()
    shown.expect("r.querySelector('.word.now')?.textContent === 'four'")
    shown.button("Pause").click()
    shown.page.mouse.click(*shown.at(0.505))
    assert shown.clock == "0:10"
    shown.waveform.focus()
    for key, clock in (
        ("ArrowLeft", "0:05"),
        ("ArrowRight", "0:10"),
        ("Shift+ArrowRight", "0:11"),
        (",", "0:05"),
        (",", "0:00"),
        (".", "0:05"),
    ):
        shown.page.keyboard.press(key)
        assert shown.clock == clock, key
    shown.page.keyboard.press("]")
    assert shown.root.get_by_label("Speed").input_value() == "1.25"
    shown.page.keyboard.press("ArrowDown")
    shown.expect("r.querySelector('.volume input').value === '0.9'")
    shown.page.keyboard.press("Space")
    shown.button("Pause").wait_for()
    shown.page.keyboard.press("Space")
    shown.page.keyboard.press("?")
    assert shown.root.locator("dialog").get_by_text("play, pause").is_visible()
    shown.page.keyboard.press("Escape")
    assert not shown.root.locator("dialog").is_visible()


def test_keys_stay_where_they_belong(player: Callable[..., Shown]) -> None:
    shown = player()
    cells = shown.page.locator(".jp-Notebook .jp-Cell")
    before = cells.count()
    shown.waveform.focus()
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("dd three xx aa")  # each of them is a command of the notebook's
    assert cells.count() == before
    shown.page.keyboard.press("Escape")
    shown.button("Play").focus()
    shown.page.keyboard.press("Enter")
    shown.button("Pause").wait_for()
    assert not shown.page.locator(".jp-Notebook.jp-mod-editMode").count()
    shown.waveform.focus()
    shown.page.keyboard.press("b")  # not ours: a cell below
    shown.page.wait_for_function(f"() => document.querySelectorAll('.jp-Notebook .jp-Cell').length === {before + 1}")


def test_searching(player: Callable[..., Shown]) -> None:
    shown = player()
    shown.waveform.focus()
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("O")
    found = shown.root.locator(".bar[role=search] .number")
    assert found.inner_text() == "1 of 3"
    shown.page.keyboard.press("Enter")
    shown.page.keyboard.press("Enter")
    assert (found.inner_text(), shown.clock) == ("3 of 3", "0:06")
    shown.page.keyboard.press("Escape")
    assert not shown.root.get_by_role("search").is_visible()


def test_a_drag_marks_a_part_that_loops_and_is_read_again(player: Callable[..., Shown]) -> None:
    shown = player()
    shown.page.mouse.move(*shown.at(0.26))
    shown.page.mouse.down()
    shown.page.mouse.move(*shown.at(0.3), steps=4)
    shown.page.mouse.move(*shown.at(0.35), steps=4)
    shown.page.mouse.up()
    bar = shown.root.get_by_role("group", name="Marked part")
    bar.wait_for()
    assert re.match(r"0:05 – 0:0[67]", bar.locator(".number").inner_text())
    assert shown.root.locator("button[aria-pressed=true]").get_attribute("aria-label") == "Loop the marked part (L)"
    shown.button("Play").click()
    shown.expect("r.querySelector('.clock b').textContent === '0:06'")
    shown.expect("r.querySelector('.clock b').textContent === '0:05'")  # round again
    shown.button("Pause").click()
    bar.get_by_role("button", name="Transcribe the marked part again").click()
    beside = shown.root.get_by_role("group", name="Another reading")
    beside.wait_for()
    assert beside.locator(".was").inner_text() == "three four"
    beside.get_by_role("button", name="Replace the text by this reading").click()
    shown.expect("r.querySelectorAll('.spoken')[1].textContent === 'Another reading.'")
    assert shown.notebook.evaluate("t.edited.text") == repr("one two Another reading.")
    assert shown.notebook.evaluate("t.text") == repr("one two three four")
    shown.button("Take the last change back").click()
    shown.expect("r.querySelectorAll('.spoken')[1].textContent === 'three four'")
    shown.waveform.focus()
    shown.page.keyboard.press("Escape")
    assert not bar.is_visible()


def test_what_was_left_out_is_drawn_and_not_marked(player: Callable[..., Shown]) -> None:
    code = (
        "from dataclasses import replace; from whisper_magic import Segment\n"
        "replace(t, skipped=(Segment(10.0, 15.0, '', flags=('silence (no speech 0.90)',)),))"
    )
    shown = player(code=code)
    gap = shown.root.get_by_title("skipped: silence (no speech 0.90)")
    gap.wait_for()
    box, strip = gap.bounding_box(), shown.waveform.bounding_box()
    assert box is not None
    assert strip is not None
    assert (box["x"] - strip["x"]) / strip["width"] == pytest.approx(0.5, abs=0.01)
    gap.click()
    assert shown.clock == "0:12"
    assert not shown.root.get_by_role("group", name="Marked part").is_visible()
    assert shown.button("Loop the marked part (L)").get_attribute("aria-pressed") == "false"


def test_two_views_show_one_text(player: Callable[..., Shown]) -> None:
    both = player(code="display(t)\nt")
    one, other = (Shown(both.notebook, both.root.nth(i)) for i in (0, 1))
    one.word("two").dblclick()
    one.page.keyboard.type("zwei")
    one.page.keyboard.press("Enter")
    other.word("zwei").wait_for()
    other.button("Take the last change back").click()
    one.word("two").wait_for()


def test_who_speaks_is_named_in_the_text_and_drawn_above_the_waveform(
    player: Callable[..., Shown], screenshots: Path
) -> None:
    shown = player(code="t.with_speakers([(0, 1.8, 'Ada'), (1.8, 4, 'Grace'), (5, 9, 'Ada')])")
    names = shown.root.locator(".text .speaker")
    shown.word("four").wait_for()
    assert names.all_inner_texts() == ["Ada", "Grace", "Ada"]
    assert shown.root.locator(".spoken").all_text_contents() == ["Ada: one Grace: two", "Ada: three four"]
    legend = shown.root.get_by_role("list", name="Speakers")
    assert legend.get_by_role("listitem").all_inner_texts() == ["Ada", "Grace"]
    drawn, strip = shown.waveform.get_by_title("Grace").bounding_box(), shown.waveform.bounding_box()
    assert drawn is not None
    assert strip is not None
    assert (drawn["x"] - strip["x"]) / strip["width"] == pytest.approx(2 / 20, abs=0.01)
    assert drawn["width"] / strip["width"] == pytest.approx(2 / 20, abs=0.01)
    names.nth(1).click()
    shown.expect("r.querySelector('.word.now')?.textContent === 'two'")
    shown.button("Pause").click()
    assert str(shown.waveform.get_attribute("aria-valuetext")).endswith("seconds of 20 seconds, Grace")
    with shown.page.expect_download() as download:
        shown.root.get_by_label("Save the transcript as").select_option("vtt")
    assert "<v Ada>one</v><v Grace><00:00:02.000> two</v>" in download.value.path().read_text("utf-8")
    for theme in ("light", "dark"):
        shown.notebook.theme(theme)
        shown.page.screenshot(path=screenshots / f"speakers-{theme}.png")
        assert axe_violations(shown.page, ".whisper-magic") == []
    shown.page.emulate_media(forced_colors="active")
    shown.page.screenshot(path=screenshots / "speakers-contrast.png")
    shown.page.emulate_media(forced_colors="none")
    shown.word("two").dblclick()
    shown.page.keyboard.type("or two")
    shown.page.keyboard.press("Enter")
    shown.expect("r.querySelector('.spoken').textContent === 'Ada: one Grace: or two'")


@pytest.mark.real
def test_real_whisper_finds_words_reads_again_and_aligns(real: Callable[..., Notebook], recordings: Path) -> None:
    notebook = real(f"t = get_ipython().run_line_magic('whisper', '{recordings / 'jfk.flac'}')\nt")
    notebook.run(1)
    shown = Shown(notebook, notebook.outputs(1).locator("[data-live] > div .player"))
    shown.button("Find when each word is said").click()
    shown.word("fellow").first.wait_for(timeout=60_000)
    assert shown.root.locator(".word").count() == 22
    shown.word("fellow").click()
    shown.expect("r.querySelector('.word.now')?.textContent === 'fellow'")
    shown.button("Pause").click()
    shown.waveform.focus()
    shown.page.keyboard.press("l")
    shown.root.get_by_label("Task").select_option("translate")
    shown.root.get_by_role("button", name="Transcribe the marked part again").click()
    shown.root.get_by_role("group", name="Another reading").wait_for(timeout=60_000)
    shown.word("fellow").dblclick()
    shown.page.keyboard.type("dear")
    shown.page.keyboard.press("Enter")
    shown.word("dear").wait_for()
    assert "my dear Americans" in shown.notebook.evaluate("t.edited.text")
    start = float(shown.notebook.evaluate("[w.start for w in t.edited.words if 'dear' in w.text][0]"))
    assert 0.5 < start < 1.5
    assert notebook.problems.all() == []


def test_a_word_is_corrected_and_found_again(player: Callable[..., Shown]) -> None:
    shown = player()
    shown.word("two").dblclick()
    field = shown.root.locator("textarea")
    assert field.evaluate("f => f.value.slice(f.selectionStart, f.selectionEnd)") == "two"
    shown.page.keyboard.type("<b>2</b>")
    shown.page.keyboard.press("Enter")
    shown.expect("r.querySelectorAll('.word')[1]?.textContent === '<b>2</b>'")
    assert shown.notebook.evaluate("engine.aligned") == repr([(0.5, 3.5, " one <b>2</b>")])


def test_every_token_s_verdict(player: Callable[..., Shown], screenshots: Path) -> None:
    shown = player()
    shown.button("Tokens").click()
    tokens = shown.root.locator(".text .token")
    tokens.first.wait_for()
    assert tokens.all_inner_texts() == [
        *("<|0.00|>", " one", " five", " two"),
        *("<|4.00|>", "<|4.00|>", " three", " four", "<|9.00|>"),
    ]
    assert shown.root.locator(".text .token.r").all_inner_texts() == [" five"]
    shown.button("Next round").click()
    shown.button("Next round").click()
    card = shown.root.locator(".card")
    assert "Round 2, position 7: the n-gram drafter proposed 4, the target accepted 4" in card.inner_text()
    shown.page.screenshot(path=screenshots / "tokens.png")
    assert shown.root.locator(".ribbon canvas").evaluate(DRAWN)


def test_the_spectrogram_shows_what_the_waveform_does(player: Callable[..., Shown]) -> None:
    shown = player()
    canvas = shown.root.locator(".spectrogram canvas")
    assert not canvas.count()
    shown.button("Spectrogram").click()
    expect(canvas).to_have_attribute("aria-label", "Log-mel spectrogram, 0.0 to 20.0 seconds")
    assert canvas.evaluate("c => [c.width, c.height]") == [2000, 80]
    rows = brightness_of(canvas)
    assert max(rows) == rows[-1 - 220 // 40]  # the tone's, the lowest frequency at the bottom
    assert max(rows) > 2 * min(rows)
    below, above = canvas.bounding_box(), shown.waveform.bounding_box()
    assert below is not None
    assert above is not None
    assert (below["x"], below["width"]) == pytest.approx((above["x"], above["width"]), abs=1)
    shown.waveform.focus()
    for _ in range(4):
        shown.page.keyboard.press("+")
    expect(canvas).not_to_have_attribute("aria-label", "Log-mel spectrogram, 0.0 to 20.0 seconds")
    start, end = span_of(canvas)
    assert start == 0
    assert canvas.evaluate("c => c.width") == pytest.approx(100 * end, abs=10)
    shown.button("Spectrogram").click()
    expect(canvas).to_have_count(0)
    assert shown.notebook.problems.all() == []


def test_a_spectrogram_of_too_much_says_to_zoom_in(player: Callable[..., Shown]) -> None:
    shown = player(seconds=LONG)
    canvas, note = shown.root.locator(".spectrogram canvas"), shown.root.locator(".spectrogram .soft")
    shown.button("Spectrogram").click()
    expect(canvas).to_have_attribute("aria-label", "Log-mel spectrogram, 0.0 to 117.6 seconds")
    shown.waveform.focus()
    shown.page.keyboard.press("-")
    expect(note).to_have_text("Zoom in (+) to 2 minutes or less for the spectrogram.")
    expect(canvas).to_be_hidden()
    shown.page.keyboard.press("+")
    expect(canvas).to_be_visible()
    expect(note).to_be_empty()


def test_a_long_recording_has_a_minimap(player: Callable[..., Shown], screenshots: Path) -> None:
    shown = player(seconds=LONG)
    canvas = shown.root.locator(".minimap canvas")
    shown.expect(f"({DRAWN})(r.querySelector('.minimap canvas'))")
    shown.button("Spectrogram").click()  # its label has the seconds that the waveform shows
    spectrogram = shown.root.locator(".spectrogram canvas")
    expect(spectrogram).to_have_attribute("aria-label", "Log-mel spectrogram, 0.0 to 117.6 seconds")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": 0.75 * box["width"], "y": 9})
    assert shown.clock in ("4:29", "4:30")
    expect(spectrogram).to_have_attribute("aria-label", re.compile(r" 2\d\d\.\d to 3\d\d\.\d seconds"))
    assert sum(span_of(spectrogram)) / 2 == pytest.approx(0.75 * LONG, abs=1)
    shown.page.screenshot(path=screenshots / "minimap.png")
    shown.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 9)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 60, steps=5)  # a drag may leave the strip
    shown.page.mouse.up()
    assert shown.clock in ("1:29", "1:30")
    assert shown.button("Play").is_visible()
    assert shown.notebook.problems.all() == []


def test_up_to_five_minutes_there_is_no_minimap(player: Callable[..., Shown]) -> None:
    shown = player(seconds=300)
    shown.word("four").wait_for()
    assert not shown.root.locator(".minimap").count()


def brightness_of(canvas: Locator) -> list[float]:
    """Of each row of a canvas, from the top."""
    rows: list[float] = canvas.evaluate(
        """c => {
            const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
            return Array.from({ length: c.height }, (_, row) =>
                data.subarray(4 * row * c.width, 4 * (row + 1) * c.width).reduce((a, b) => a + b, 0) / c.width);
        }"""
    )
    return rows


def span_of(spectrogram: Locator) -> tuple[float, float]:
    """The seconds that it shows."""
    found = re.search(r"([\d.]+) to ([\d.]+)", spectrogram.get_attribute("aria-label") or "")
    assert found is not None
    return float(found[1]), float(found[2])


def test_transcripts_are_saved_by_the_browser(player: Callable[..., Shown]) -> None:
    shown = player()
    with shown.page.expect_download() as download:
        shown.root.get_by_label("Save the transcript as").select_option("srt")
    assert download.value.suggested_filename == "talk.srt"
    assert "three four" in download.value.path().read_text("utf-8")


@pytest.mark.parametrize("base_url", ["/user/ada/"])
def test_under_a_base_url_and_outside_the_server_s_root(
    player: Callable[..., Shown], tmp_path: Path, base_url: str
) -> None:
    shown = player(folder=tmp_path)
    shown.button("Play").click()
    shown.expect("r.querySelector('.word.now')?.textContent === 'one'", 20)
    assert shown.notebook.problems.all() == []


@pytest.mark.parametrize("end", ["restart_kernel", "shutdown_kernel"])
def test_without_its_kernel_it_says_what_still_works(player: Callable[..., Shown], lab: Lab, end: str) -> None:
    shown = player()
    shown.word("three").click()
    shown.expect("r.querySelector('.word.now')?.textContent === 'three'")
    shown.notebook.save()
    getattr(shown.notebook, end)()
    if end == "shutdown_kernel":  # of which the page learns when it asks for something; it may have by now
        shown.button("Tokens").evaluate("button => button.click()")
    shown.expect("r.querySelector('.say').textContent === 'The kernel is gone, playing and searching still work.'")
    assert shown.button("Tokens").is_disabled()
    shown.word("four").click()
    shown.expect("r.querySelector('.word.now')?.textContent === 'four'")
    if end == "shutdown_kernel":
        reopened = lab.open("notebook.ipynb", kernel=False)
        assert "three four" in reopened.outputs(1).inner_text()
        assert not reopened.page.locator("[data-live]").count()
        assert reopened.problems.all() == []


def test_it_answers_while_a_cell_runs(player: Callable[..., Shown]) -> None:
    """JupyterLab gives widgets a subshell of the kernel."""
    shown = player(more="import time; time.sleep(60)")
    shown.notebook.start(2)
    shown.button("Tokens").click()
    shown.root.locator(".text .token").first.wait_for()
    shown.notebook.interrupt_kernel()
    shown.notebook.wait(check=False)


def test_what_is_in_a_recording_is_never_markup(player: Callable[..., Shown]) -> None:
    """As text, word, flag, speaker, language, name and note of a transcript, live and without a kernel."""
    code = """
from dataclasses import replace
from tests.support.hostile import PAYLOADS
from whisper_magic import Segment, Word
segments = tuple(
    Segment(i, i + 1, " " + text, words=(Word(" " + text, i, i + 1, 0.5, speaker=text),), flags=(text,), language=text)
    for i, text in enumerate(PAYLOADS)
)
worst = "".join(PAYLOADS[:20])
bad = replace(t, segments=segments, skipped=segments, notes=PAYLOADS, language=worst, source=worst, duration=99.0)
bad.player(t.source)
bad
"""
    shown = player(code=code)
    assert len(PAYLOADS) >= 50
    shown.expect(f"r.querySelectorAll('.segment').length === {len(PAYLOADS)}")
    seen = [" ".join(text.split()) for text in shown.root.locator(".spoken").all_text_contents()]
    assert seen == [" ".join(f"{text.strip()}: {text}".split()) for text in PAYLOADS]
    assert shown.root.get_by_role("list", name="Speakers").get_by_role("listitem").count() == len(PAYLOADS)
    for name in ("Search", "Confidence", "Keys"):
        shown.button(name).click()
    shown.page.keyboard.press("Escape")
    shown.page.wait_for_timeout(500)
    assert shown.page.evaluate("() => window.hacked === undefined")
    assert not shown.notebook.outputs(1).locator(FOREIGN).count()
    shown.notebook.save()


def test_it_is_accessible_in_every_theme(player: Callable[..., Shown], screenshots: Path) -> None:
    shown = player()
    shown.button("Tokens").click()
    for theme in ("light", "dark"):
        shown.notebook.theme(theme)
        shown.page.screenshot(path=screenshots / f"player-{theme}.png")
        assert axe_violations(shown.page, ".whisper-magic") == []
    shown.page.set_viewport_size({"width": 420, "height": 900})
    shown.page.screenshot(path=screenshots / "player-narrow.png")
    assert shown.root.evaluate("r => r.scrollWidth <= r.clientWidth")
