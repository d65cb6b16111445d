"""The file of a library: opened, shared, full, and killed in the middle of everything."""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripted_library import ScriptedEngine, saying, write_clips
from whisper_magic.errors import LibraryError
from whisper_magic.library import claims, database, schema, transcript_rows
from whisper_magic.library.library import Library
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey, SourceInfo
from whisper_magic.library.store import Store
from whisper_magic.scoring import ErrorCounts
from whisper_magic.transcript import Segment, Transcript

RUN = ModelConfig("demo", "ab12", "float32", "{}", "demo-draft")
SCRIPT = [sys.executable, "-W", "error", "-m", "tests.support.scripted_library"]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Store]:
    with_file = Store(tmp_path / "whisper.db")
    yield with_file
    with_file.close()


def add(where: Store, content: str, transcript: Transcript, errors: ErrorCounts | None = None) -> tuple[int, int]:
    recording = where.add_recording(
        RecordingKey(content), RecordingInfo(f"{content}.wav"), SourceInfo(f"{content}.wav", content)
    )
    made = where.save(recording, where.add_run(RUN), transcript, errors)
    assert made is not None
    return recording, made


def one_line(error: pytest.ExceptionInfo[LibraryError]) -> str:
    message = str(error.value)
    assert len(message.splitlines()) == 1
    return message


# Opening


def test_a_new_file_is_a_library_with_a_log(opened: Store) -> None:
    assert schema.version_of(opened.connection) == schema.VERSION
    assert opened.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not opened.read_only


def test_none_is_made_where_none_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"^there is no library .*none\.db$"):
        Store(tmp_path / "none.db", create=False)
    assert not list(tmp_path.iterdir())


def test_a_newer_library_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Store(tmp_path / "new.db").close()
    with sqlite3.connect(tmp_path / "new.db") as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 3}")
    connection.close()
    before = (tmp_path / "new.db").read_bytes()
    with pytest.raises(LibraryError, match=r"version \d+, newer than .*: upgrade to read it$") as error:
        Store(tmp_path / "new.db")
    one_line(error)
    assert (tmp_path / "new.db").read_bytes() == before


def test_another_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE thing (x)")
    connection.commit()
    connection.close()
    before = (tmp_path / "other.db").read_bytes()
    with pytest.raises(LibraryError, match=r"other\.db is a database, but not a library$"):
        Store(tmp_path / "other.db")
    assert (tmp_path / "other.db").read_bytes() == before  # not even another journal


@pytest.mark.parametrize(
    "content", [b"This is a text, no database, and long enough for a header." * 20, b"RIFF1234WAVE"]
)
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(LibraryError, match=r"cannot open .*notes\.txt: file is not a database") as error:
        Store(tmp_path / "notes.txt")
    one_line(error)
    assert (tmp_path / "notes.txt").read_bytes() == content


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"is a folder: name a file in it$") as error:
        Store(tmp_path)
    one_line(error)


@pytest.mark.slow
def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    code = "import sys; from whisper_magic.library.store import Store; Store(sys.argv[1]).close()"
    running = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path / "a.db"], stderr=subprocess.PIPE) for _ in range(4)
    ]
    for process in running:
        _, trouble = process.communicate(timeout=60)
        assert (process.returncode, trouble) == (0, b"")
    with Library(tmp_path / "a.db") as library:
        assert len(library) == 0


def test_the_log_waits_for_another_writer(tmp_path: Path) -> None:
    Store(tmp_path / "a.db").close()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN IMMEDIATE")  # SQLite refuses to change the journal meanwhile, without waiting
    ending = threading.Timer(0.1, other.execute, ("COMMIT",))
    ending.start()
    with closing(Store(tmp_path / "a.db")) as waiting:
        assert waiting.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    ending.join()
    other.close()


def test_a_library_that_is_made_while_it_is_looked_at(tmp_path: Path) -> None:
    class Slow(sqlite3.Connection):
        def execute(self, *values: Any) -> sqlite3.Cursor:
            found = super().execute(*values)
            Store(tmp_path / "a.db").close()  # between one look and the next
            return found

    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None, factory=Slow)) as connection:
        assert schema.is_library(connection)


# Read-only


def refuse_writing(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Root may write everywhere: let the system say that it may not."""
    asked = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) not in paths and asked(path, mode))


@pytest.mark.parametrize("which", ["file", "folder"])
def test_what_cannot_be_written_is_opened_to_be_read(
    tmp_path: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_file = Store(tmp_path / "a.db")
    recording, number = add(with_file, "aa", saying("one two"))
    with_file.close()
    refuse_writing(monkeypatch, tmp_path / "a.db" if which == "file" else tmp_path)
    reader = Store(tmp_path / "a.db")
    assert reader.read_only
    assert reader.transcript(number) == saying("one two")
    for change in (
        lambda: reader.set_note(recording, "x"),
        lambda: reader.add_run(replace(RUN, weights="new")),
        lambda: reader.claim(recording, 1),
    ):
        with pytest.raises(LibraryError, match=r"a\.db is read-only$"):
            change()
    reader.close()


def test_without_a_log_the_file_is_read_as_unchanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_file = Store(tmp_path / "a.db")
    _, number = add(with_file, "aa", saying("one two"))
    with_file.close()
    opened_as = []

    class Refusing(sqlite3.Connection):
        def execute(self, *values: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("unable to open database file")  # as where the log's index cannot be made

    def opened(address: str) -> sqlite3.Connection:
        opened_as.append(address.partition("?")[2])
        kind = sqlite3.Connection if "immutable" in address else Refusing
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, factory=kind)

    monkeypatch.setattr(database, "_opened", opened)
    refuse_writing(monkeypatch, tmp_path)
    reader = Store(tmp_path / "a.db")
    assert set(opened_as) == {"mode=ro", "mode=ro&immutable=1"}
    assert reader.transcript(number).text == "one two"
    reader.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_a_library_in_a_folder_that_is_not_theirs() -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "a.db"
        with_file = Store(path)
        add(with_file, "aa", saying("one two"))
        with_file.close()
        Path(folder).chmod(0o755)
        path.chmod(0o644)
        code = (
            "import os, sys; from whisper_magic.library.store import Store; os.setuid(65534); s = Store(sys.argv[1]); "
            "print(s.read_only, s.transcript(1).text)"
        )
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == ("True one two\n", "")
        assert [entry.name for entry in Path(folder).iterdir()] == ["a.db"]


def test_a_folder_that_cannot_be_written_holds_no_new_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_writing(monkeypatch, tmp_path)
    with pytest.raises(LibraryError, match=r"^cannot write into .*: choose another place with --store$"):
        Store(tmp_path / "a.db")


def test_a_read_only_library_of_an_older_version_is_not_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path / "a.db").close()
    now, newer = schema.VERSION, schema.VERSION + 1
    monkeypatch.setattr(schema, "VERSION", newer)
    refuse_writing(monkeypatch, tmp_path)
    with pytest.raises(LibraryError, match=rf"has version {now} and cannot be written to become {newer}$"):
        Store(tmp_path / "a.db")


# What is kept


def test_a_transcript_comes_back_equal(opened: Store) -> None:
    odd = replace(saying('Ask not—“ß” 你好 \\ "x"', "and then"), source="talk \udce9.mp3", complete=False)
    _, number = add(opened, "aa", odd)
    assert opened.transcript(number) == odd
    with pytest.raises(LibraryError, match=r"^there is no transcript 99 in .*whisper\.db$"):
        opened.transcript(99)


def test_the_columns_of_a_transcript(opened: Store) -> None:
    segments = (
        Segment(
            0, 1, " One.", (1, 2, 3), avg_logprob=-0.1, flags=("compression ratio 2.61 > 2.4", "is a guess (p 0.1)")
        ),
        Segment(1, 2, " Two.", (4,), avg_logprob=-0.5, flags=("no voice detected",)),
    )
    _, number = add(opened, "aa", replace(saying(), segments=segments, complete=False), ErrorCounts(1, 2, 3, 8))
    (row,) = opened.query(
        "SELECT text, confidence, flags, complete, word_errors, word_count, character_errors FROM transcript"
    )
    assert row[0] == "One. Two."
    assert row[1] == pytest.approx(2.718281828 ** ((3 * -0.1 + 1 * -0.5) / 4))
    assert row[2] == '["compression ratio", "incomplete", "is a guess", "no voice detected"]'
    assert row[3:] == (0, 1, 2, 3)
    assert transcript_rows.confidence(saying()) is None
    assert transcript_rows.flag_kinds(saying()) == ["no speech"]
    assert number == 1


def test_one_transcript_per_recording_and_run(opened: Store) -> None:
    recording, first = add(opened, "aa", saying("one"))
    run = opened.add_run(RUN)
    assert opened.save(recording, run, saying("two")) is None
    assert opened.transcript(first).text == "one"
    assert opened.add_run(replace(RUN, draft="none", target="other name")) == run  # which decide nothing
    other = opened.add_run(replace(RUN, options='{"words": true}'))
    assert other != run
    assert opened.save(recording, other, saying("two")) == 2
    assert (opened.done(run), opened.done(other), opened.done(None)) == ({recording}, {recording}, set())


def test_parts_of_a_recording_are_recordings(opened: Store) -> None:
    keys = [RecordingKey("aa"), RecordingKey("aa", 1.0), RecordingKey("aa", None, 2.0), RecordingKey("aa", 1.0, 2.0)]
    numbers = [opened.add_recording(key, RecordingInfo("a.wav")) for key in keys]
    assert [opened.add_recording(key, RecordingInfo("a.wav")) for key in keys] == numbers
    assert opened.recordings(["aa", "bb"]) == dict(zip(keys, numbers, strict=True))


def test_what_is_newly_known_is_added_and_nothing_forgotten(opened: Store) -> None:
    key = RecordingKey("aa")
    number = opened.add_recording(key, RecordingInfo("a.wav", 1.5, "said", "Ada", {"split": "dev"}, ("new",)))
    assert (
        opened.add_recording(key, RecordingInfo("b.wav", tags=("more",)), SourceInfo("b.wav", "aa", 10, 20, 1.5))
        == number
    )
    columns = "name, duration, reference, speaker, metadata"
    assert opened.query(f"SELECT {columns} FROM recording") == [("b.wav", 1.5, "said", "Ada", '{"split": "dev"}')]
    assert opened.query("SELECT name FROM tag ORDER BY name") == [("more",), ("new",)]
    assert opened.reference(number) == "said"
    assert opened.sources(["a.wav", "b.wav"]) == {"b.wav": SourceInfo("b.wav", "aa", 10, 20, 1.5)}
    assert opened.paths(number) == ["b.wav"]


def test_its_own_name_comes_first_among_its_paths(opened: Store) -> None:
    number = opened.add_recording(RecordingKey("aa"), RecordingInfo("z.wav"), SourceInfo("z.wav", "aa"))
    opened.note_source(SourceInfo("a.wav", "aa"))
    assert opened.paths(number) == ["z.wav", "a.wav"]
    opened.note_source(SourceInfo("z.wav", None, error="no such file"))
    assert opened.paths(number) == ["z.wav", "a.wav"]  # as it was last seen, although it has gone
    assert opened.paths(99) == []


def test_names_that_are_not_utf_8(opened: Store) -> None:
    name = os.fsdecode(b"/tmp/caf\xe9.wav")
    number = opened.add_recording(
        RecordingKey("aa"),
        RecordingInfo(name, None, name, name, {"x": name}, (name,)),
        SourceInfo(name, "aa", 1, 2),
    )
    assert opened.sources([name]) == {name: SourceInfo(name, "aa", 1, 2)}
    assert opened.paths(number) == [name]
    opened.set_note(number, name)
    opened.note_source(SourceInfo(name, error=f"no such file: {name}"))
    assert opened.sources([name])[name].error == "no such file: /tmp/caf\\udce9.wav"


def test_many_names(opened: Store) -> None:
    names = [f"{number}.wav" for number in range(1200)]
    with opened.writing() as connection:
        connection.executemany("INSERT INTO source (name, content) VALUES (?, ?)", [(name, name) for name in names])
    assert set(opened.sources(names)) == set(names)


def test_a_correction_is_kept_beside_what_was_written(opened: Store) -> None:
    _, number = add(opened, "aa", saying("one two", "three"), ErrorCounts(1, 3, 1, 9))
    opened.edit(number, saying("one too", "three"), ErrorCounts(0, 3, 0, 9))
    assert opened.transcript(number) == saying("one too", "three")
    assert opened.transcript(number, original=True) == saying("one two", "three")
    assert opened.query("SELECT text, word_errors FROM transcript") == [("one too three", 0)]
    assert [row[0] for row in opened.query("SELECT text FROM segment ORDER BY id")] == [" one too", " three"]
    for index in ("segment_words", "segment_parts"):
        opened.query(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")


def test_scores_are_counted_anew(opened: Store) -> None:
    recording, _ = add(opened, "aa", saying("one two"))
    opened.score(recording, lambda transcript: ErrorCounts(len(transcript.text), 2, 3, 4))
    assert opened.query("SELECT word_errors, word_count, character_errors, character_count FROM transcript") == [
        (7, 2, 3, 4)
    ]


def test_tags_notes_and_acceptance(opened: Store) -> None:
    (one, _), (two, _) = add(opened, "aa", saying("one")), add(opened, "bb", saying("two"))
    opened.tag([one, two], ["noisy", "noisy", "old"])
    opened.tag([two], ["kept"], ["old", "never there"])
    assert opened.query("SELECT recording, name FROM tag ORDER BY 1, 2") == [
        (one, "noisy"),
        (one, "old"),
        (two, "kept"),
        (two, "noisy"),
    ]
    opened.set_note(one, "listen again")
    opened.accept([one, two])
    opened.accept([two], False)
    assert opened.query("SELECT note, accepted FROM recording ORDER BY id") == [("listen again", 1), ("", 0)]
    with pytest.raises(LibraryError, match="FOREIGN KEY"):
        opened.tag([99], ["x"])


def test_digests_of_weights(opened: Store) -> None:
    assert opened.digest("[1]") is None
    opened.keep_digest("[1]", "ab")
    opened.keep_digest("[1]", "cd")
    assert opened.digest("[1]") == "cd"


def test_the_version_changes_with_every_change_whoever_makes_it(opened: Store) -> None:
    seen = [opened.version]
    assert opened.version == seen[0]
    opened.keep_digest("a", "b")
    seen.append(opened.version)
    other = Store(opened.path)
    other.keep_digest("c", "d")
    other.close()
    seen.append(opened.version)
    assert len(set(seen)) == 3


def test_a_transaction_is_kept_whole_or_not_at_all(opened: Store) -> None:
    def write(times: int) -> None:
        with opened.writing() as connection:
            for _ in range(times):
                connection.execute("INSERT INTO weights VALUES ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(1)
    assert opened.digest("a") is None
    with pytest.raises(LibraryError, match=r"cannot write .*whisper\.db: UNIQUE"):
        write(2)
    assert opened.digest("a") is None


# Claims


def test_a_recording_is_claimed_once(opened: Store) -> None:
    recording = opened.add_recording(RecordingKey("aa"), RecordingInfo("a.wav"))
    run = opened.add_run(RUN)
    assert opened.claim(recording, run)
    assert not opened.claim(recording, run)
    opened.drop_claims()
    assert opened.claim(recording, run)
    opened.save(recording, run, saying("one"))
    assert not opened.claim(recording, run)
    assert opened.query("SELECT count(*) FROM claim") == [(0,)]


@pytest.mark.parametrize(
    ("host", "process", "started", "age", "free"),
    [
        ("here", "alive", "same", 0, False),
        ("here", "alive", "same", 1e6, False),  # as long as it lives
        ("here", "alive", "other", 0, True),  # its number was given to another process
        ("here", "dead", "same", 0, True),
        ("elsewhere", "dead", "same", 10, False),
        ("elsewhere", "dead", "same", 1e6, True),
    ],
)
def test_the_claims_of_other_processes(
    opened: Store, host: str, process: str, started: str, age: float, free: bool
) -> None:
    recording, run = opened.add_recording(RecordingKey("aa"), RecordingInfo("a.wav")), opened.add_run(RUN)
    sleeping = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    number = sleeping.pid
    begun = claims._started(number)
    if process == "dead":
        sleeping.communicate(timeout=60)
    name = socket.gethostname() if host == "here" else "elsewhere.example"
    owner = f"{name}:{number}:{begun if started == 'same' else '1'}"
    with opened.writing() as connection:
        connection.execute("INSERT INTO claim VALUES (?, ?, ?, ?)", (recording, run, owner, time.time() - age))
    assert opened.claim(recording, run) is free
    if process == "alive":
        sleeping.communicate(timeout=60)


def test_a_killed_process_that_nobody_has_waited_for_owns_nothing(opened: Store) -> None:
    recording, run = opened.add_recording(RecordingKey("aa"), RecordingInfo("a.wav")), opened.add_run(RUN)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = f"{socket.gethostname()}:{process.pid}:{claims._started(process.pid)}"
    with opened.writing() as connection:
        connection.execute("INSERT INTO claim VALUES (?, ?, ?, ?)", (recording, run, owner, time.time()))
    assert not opened.claim(recording, run)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is still listed
    assert opened.claim(recording, run)
    process.communicate(timeout=60)


def test_claims_are_renewed(opened: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, run = opened.add_recording(RecordingKey("aa"), RecordingInfo("a.wav")), opened.add_run(RUN)
    opened.claim(recording, run)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    opened.renew_claims()
    assert opened.query("SELECT renewed FROM claim") == [(4e9,)]


# Several writers


WRITER = """
import sys
from tests.support.scripted_library import saying
from whisper_magic.library.records import *
from whisper_magic.library.store import Store
store = Store(sys.argv[1])
run = store.add_run(ModelConfig("demo", "ab", "float32", "{}"))
for number in range(40):
    key = RecordingKey(f"{sys.argv[2]}-{number}")
    assert store.save(store.add_recording(key, RecordingInfo(key.content)), run, saying(f"say {number}")) is not None
"""


@pytest.mark.slow
def test_writers_queue_and_nothing_is_lost(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "a.db", name], stderr=subprocess.PIPE)
        for name in ("left", "right", "middle")
    ]
    for process in running:
        _, trouble = process.communicate(timeout=120)
        assert (process.returncode, trouble) == (0, b"")
    with_file = Store(tmp_path / "a.db")
    assert with_file.query("SELECT count(*), count(DISTINCT recording) FROM transcript") == [(120, 120)]
    assert with_file.query("SELECT count(*) FROM segment_words WHERE segment_words MATCH 'say'") == [(120,)]
    assert with_file.query("SELECT count(*) FROM run") == [(1,)]
    assert with_file.query("PRAGMA integrity_check") == [("ok",)]
    with_file.close()


def test_a_writer_that_never_ends_gives_one_line(opened: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    opened.keep_digest("a", "b")
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    impatient = Store(opened.path)
    with opened.writing():
        with pytest.raises(LibraryError, match=r"whisper\.db: another process has been writing for 0\.05 s$") as error:
            impatient.keep_digest("c", "d")
        one_line(error)
        assert impatient.digest("a") == "b"  # readers do not wait
    impatient.keep_digest("c", "d")
    impatient.close()


# A full disk


def test_a_full_disk_gives_one_line_and_keeps_what_was_committed(opened: Store) -> None:
    add(opened, "aa", saying("one two"))
    pages = opened.connection.execute("PRAGMA page_count").fetchone()[0]
    opened.connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    long = saying(*(f"{number} words that take room" for number in range(3000)))
    with pytest.raises(LibraryError, match=r"the disk is full; what was committed before is kept$") as error:
        add(opened, "bb", long)
    one_line(error)
    assert opened.query("SELECT text FROM transcript") == [("one two",)]
    assert opened.query("SELECT count(*) FROM segment") == [(1,)]
    opened.connection.execute(f"PRAGMA max_page_count = {pages + 10_000}")
    recording = opened.recordings(["bb"])[RecordingKey("bb")]
    assert opened.save(recording, 1, long) == 2  # where there is room again, it goes on


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with_file = Store(disk / "a.db")
        add(with_file, "aa", saying("one two"))
        dice = random.Random(0)
        texts = (" ".join(f"{dice.randrange(1 << 60):x}" for _ in range(1000)) for _ in range(100))
        with pytest.raises(LibraryError, match=r"the disk is full; what was committed before is kept$"):
            deque(add(with_file, f"b{number}", saying(text)) for number, text in enumerate(texts))
        assert with_file.query("SELECT count(*) = max(id), count(*) > 1 FROM transcript") == [(1, 1)]
        assert with_file.query("SELECT text FROM transcript WHERE id = 1") == [("one two",)]
        with_file.close()
        again = Store(disk / "a.db")
        assert again.query("PRAGMA integrity_check") == [("ok",)]
        again.close()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


# Killed


def contents(path: Path) -> list[tuple[object, ...]]:
    """Everything that a run has found out, without ids."""
    with Library(path) as library:
        rows = library.store.query(
            """SELECT recording.name, recording.content, recording.duration, source.content = recording.content,
                      source.error, transcript.id, transcript.text, language, complete
               FROM recording LEFT JOIN transcript ON transcript.recording = recording.id
               JOIN source ON source.name = recording.name ORDER BY recording.name"""
        )
        made = []
        for *values, number, text, language, complete in rows:
            span = (number << schema.SHIFT, (number + 1) << schema.SHIFT)
            segments = library.store.query(
                'SELECT start, "end", text, following, words FROM segment WHERE id >= ? AND id < ?', span
            )
            whole = library.store.transcript(number)
            made.append((*values, text, language, complete, tuple(segments), whole))
        assert library.store.query("SELECT count(*) FROM claim") == [(0,)]
        assert library.store.query("PRAGMA integrity_check") == [("ok",)]
        assert library.store.query("SELECT count(*) FROM segment_words WHERE segment_words MATCH 'ant OR bee'") == [
            (sum(bool({"ant", "bee"} & set(str(row[5]).split())) for row in made),)
        ]
    return made


@pytest.mark.slow
def test_killed_twenty_times_it_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", 200)
    with Library(tmp_path / "undisturbed.db") as library:
        library.transcribe(ScriptedEngine(), tmp_path / "clips", words=True)  # type: ignore[arg-type]
    dice, path, kept = random.Random(5), tmp_path / "killed.db", 0
    for _ in range(20):
        process = subprocess.Popen([*SCRIPT, path, tmp_path / "clips", "0.005"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "kept\n"
        time.sleep(dice.uniform(0, 0.04))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, "it was killed while it worked"
        with closing(Store(path)) as with_file:
            now = int(with_file.query("SELECT count(*) FROM transcript")[0][0])
        assert now > kept
        kept = now
    last = subprocess.run([*SCRIPT, path, tmp_path / "clips"], capture_output=True, text=True, timeout=120)
    assert last.stderr == ""
    assert contents(path) == contents(tmp_path / "undisturbed.db")
    assert len(contents(path)) == 200


@pytest.mark.slow
def test_two_kernels_share_a_folder(tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", 60)
    with Library(tmp_path / "alone.db") as library:
        library.transcribe(ScriptedEngine(), tmp_path / "clips", words=True)  # type: ignore[arg-type]
    command = [*SCRIPT, tmp_path / "shared.db", tmp_path / "clips", "0.01"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    written = 0
    for process in running:
        printed, trouble = process.communicate(timeout=120)
        assert (process.returncode, trouble) == (0, "")
        done, found, elsewhere, failed = map(int, printed.splitlines()[-1].split())
        assert failed == 0
        assert done + found + elsewhere <= 60
        written += done
    assert written == 60
    assert contents(tmp_path / "shared.db") == contents(tmp_path / "alone.db")
