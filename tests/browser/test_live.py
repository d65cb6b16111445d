"""While it is written: words in the player, jobs in the background, the microphone. Real whisper-base."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile
from playwright.sync_api import expect

from tests.support.axe import axe_violations
from whisper_magic.audio.load import load

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.support.lab import Lab, Notebook

pytestmark = pytest.mark.browser

TALK = "long/librispeech_longform_10spk.flac"
Opened = Callable[..., "Notebook"]


def player_of(notebook: Notebook, cell: int) -> Locator:
    return notebook.outputs(cell).locator("[data-live] > div .player")


def test_words_appear_in_the_player_while_a_cell_runs(real: Opened, recordings: Path, screenshots: Path) -> None:
    notebook = real(f"%whisper {recordings / TALK} --end 120 --language en")
    notebook.start(1)
    player = player_of(notebook, 1)
    player.locator(".segment").nth(2).wait_for()
    player.locator(".work progress[value]").wait_for()
    expect(player.locator(".work")).to_contain_text(re.compile(r"\d:\d\d of 2:00"))
    assert player.get_by_role("button", name="Stop transcribing").is_visible()
    assert not player.get_by_role("button", name="Tokens").is_visible()
    notebook.screenshot(screenshots / "live.png")
    player.locator(".segment .words").first.click()  # what is written plays already
    expect(player.get_by_role("button", name="Pause")).to_be_visible()
    notebook.wait()
    expect(player).to_have_count(1)
    expect(player.get_by_role("button", name="Pause")).to_be_visible()  # it plays on in the result
    expect(player.locator(".work")).to_be_hidden()
    expect(player.get_by_role("button", name="Tokens")).to_be_visible()
    assert player.locator(".segment").count() == int(notebook.evaluate("len(_.segments)"))
    assert notebook.problems.all() == []


def test_the_stop_button_ends_a_cell_and_keeps_what_was_written(real: Opened, recordings: Path) -> None:
    notebook = real(f"%whisper {recordings / TALK} --language en", "'never'")
    notebook.start(1)
    player = player_of(notebook, 1)
    player.locator(".segment").nth(2).wait_for()
    player.get_by_role("button", name="Stop transcribing").click()
    notebook.wait(check=False)
    expect(notebook.outputs(1).last).to_contain_text("Interrupted: the transcripts so far are in _")
    expect(player.locator(".warn").first).to_contain_text("partial: interrupted after")
    assert int(notebook.evaluate("len(_.segments)")) >= 3


def test_a_job_in_the_background_leaves_the_kernel_free(real: Opened, recordings: Path) -> None:
    notebook = real(
        f"job = %whisper {recordings / TALK} --end 120 --language en --background\njob",
        "6 * 7",
        f"job2 = %whisper {recordings / 'jfk.flac'} --background --save {{'jfk.txt'}}\njob2",
        "(await job).duration, job.state",
    )
    notebook.run(1)
    notebook.run(2)
    assert notebook.outputs(2).inner_text() == "42"
    notebook.run(3)
    expect(notebook.outputs(3)).to_contain_text("waiting for its turn")
    player = player_of(notebook, 1)
    player.locator(".segment").first.wait_for()
    assert player.locator(".work").is_visible()
    notebook.run(4)
    assert notebook.outputs(4).inner_text() == "(120.0, 'done')"
    expect(player.locator(".work")).to_be_hidden()
    expect(player.get_by_role("button", name="Tokens")).to_be_visible()
    expect(player_of(notebook, 3)).to_contain_text("ask not what your country")
    expect(notebook.outputs(3).last).to_contain_text("Saved jfk.txt")
    text = str(notebook.save().cells[1].outputs)
    assert "Transcript of" in text
    assert "in progress" not in text
    assert notebook.problems.all() == []


def test_several_recordings_show_how_far_they_are_and_a_stop_button(
    real: Opened, recordings: Path, screenshots: Path
) -> None:
    notebook = real(f"%whisper {recordings / 'jfk.flac'} {recordings / TALK} --language en", "'never'")
    notebook.start(1)
    bar = player_of(notebook, 1)
    expect(bar.locator(".work")).to_contain_text(re.compile(r"\d of 2 recordings · \d+:\d\d read"))
    bar.locator(".work progress[value]").wait_for()
    expect(bar.locator(".tail")).not_to_be_empty()
    assert not bar.get_by_role("button", name="Play").is_visible()
    notebook.screenshot(screenshots / "several.png")
    assert axe_violations(notebook.page, ".whisper-magic") == []
    expect(bar.locator(".work")).to_contain_text("1 of 2 recordings")
    bar.get_by_role("button", name="Stop transcribing").click()
    notebook.wait(check=False)
    expect(notebook.outputs(1).last).to_contain_text("Interrupted: the transcripts so far are in _")
    assert notebook.evaluate("[one.complete for one in _]") == "[True, False]"
    expect(bar).to_have_count(0)
    expect(notebook.outputs(1).first).to_contain_text("ask not what your country")
    assert notebook.problems.all() == []


def test_several_recordings_in_the_background(real: Opened, recordings: Path) -> None:
    both = f"{recordings / 'jfk.flac'} {recordings / TALK} --end 60 --language en --background"
    notebook = real(f"job = %whisper {both}\njob", f"stopped = %whisper {both}\nstopped", "len(await job), job.state")
    notebook.run(1)
    bar = player_of(notebook, 1)
    expect(bar.locator(".work")).to_contain_text(re.compile(r"\d of 2 recordings"))
    notebook.run(2)
    notebook.run(3)
    assert notebook.outputs(3).inner_text() == "(2, 'done')"
    expect(notebook.outputs(1).first).to_contain_text("ask not what your country")
    expect(bar).to_have_count(0)
    player_of(notebook, 2).get_by_role("button", name="Stop transcribing").click()
    expect(player_of(notebook, 2)).to_have_count(0)
    assert notebook.evaluate("stopped.state") == "'stopped'"
    text = str(notebook.save().cells[1].outputs)
    assert "in progress" not in text
    assert notebook.problems.all() == []


def test_a_job_is_stopped_in_its_player(real: Opened, recordings: Path) -> None:
    notebook = real(f"job = %whisper {recordings / TALK} --language en --background\njob")
    notebook.run(1)
    player = player_of(notebook, 1)
    player.locator(".segment").nth(2).wait_for()
    player.get_by_role("button", name="Stop transcribing").click()
    expect(player.locator(".warn").first).to_contain_text("partial: interrupted after")
    assert notebook.evaluate("job.state") == "'stopped'"


def test_what_one_says_is_written_while_one_speaks(
    real: Opened, lab: Lab, recordings: Path, microphone: Path, screenshots: Path
) -> None:
    audio = load(recordings / "jfk.flac")
    soundfile.write(microphone, audio.samples, audio.sample_rate, subtype="PCM_16")
    lab.allow_microphone()
    notebook = real("%whisper record --language en -o said", "said.save('said.flac'); said.audio.duration")
    notebook.run(1)
    recorder = notebook.outputs(1).locator(".recorder")
    recorder.get_by_role("button", name="Record").click()
    expect(recorder.locator(".text")).to_contain_text("ask what you can do", timeout=60_000)
    notebook.screenshot(screenshots / "recorder.png")
    assert axe_violations(notebook.page, ".whisper-magic") == []
    expect(recorder.locator(".clock")).not_to_have_text(re.compile("0:0"))  # ten seconds; how many more, none can say
    recorder.get_by_role("button", name="Stop recording").click()
    player = player_of(notebook, 1)
    expect(player).to_contain_text(
        "your country can do for you", timeout=60_000
    )  # the microphone repeats; segments break anywhere else
    player.get_by_role("button", name="Play").click()
    expect(player.get_by_role("button", name="Pause")).to_be_visible()
    assert "you can do for your country" in notebook.evaluate("said.transcript.text")
    notebook.run(2)
    saved = load(notebook.file.parent / "said.flac")
    assert saved.duration == pytest.approx(float(notebook.evaluate("said.audio.duration")))
    assert saved.duration > 9
    assert notebook.problems.all() == []


def test_a_microphone_that_is_refused_says_what_to_do(scripted: Opened) -> None:
    notebook = scripted("%whisper record")
    notebook.run(1)
    recorder = notebook.outputs(1).locator(".recorder")
    recorder.get_by_role("button", name="Record").click()
    expect(recorder.get_by_role("status")).to_contain_text("Allow it in the site’s settings, and press Record again.")
    assert recorder.get_by_role("button", name="Record").is_enabled()
