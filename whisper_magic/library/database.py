"""An SQLite file with the tables of a library: opened, migrated, written in transactions, read.

One writer at a time, others queue; readers never wait (WAL). Each thread has a connection of its own.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, overload

from whisper_magic.errors import LibraryError
from whisper_magic.library import schema
from whisper_magic.library.query import part_in
from whisper_magic.wording import one_line, shown

PATIENCE = 60.0  # seconds that a writer waits for another one
_ESCAPE = re.compile(r"\\u(dc[89a-f][0-9a-f])")  # a byte of a file's name that is not UTF-8


class Database:
    """An open file. Use it from any thread.

    Attributes:
        path: Of the file.
        read_only: Whether it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True) -> None:
        """Open a file.

        Args:
            path: Of the file.
            create: Whether to make one where there is none.

        Raises:
            LibraryError: Where it cannot be opened, or is something else.
        """
        self.path = Path(path).expanduser()
        self._threads = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._writes = 0  # of this process
        self._mode = "rwc" if create else "rw"
        try:
            with self._reported("open"):
                self.read_only = not self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> bool:
        """Open it, make or migrate its tables; returns whether it can be written."""
        if self.path.is_dir():
            raise LibraryError(f"{shown(str(self.path))} is a folder: name a file in it")
        if not self.path.exists() and self._mode == "rw":
            raise LibraryError(f"there is no library {shown(str(self.path))}")
        writable = os.access(self.path if self.path.exists() else self.path.parent, os.W_OK)
        writable = writable and os.access(self.path.parent, os.W_OK)  # the log lies beside it
        if not writable:
            if not self.path.exists():
                raise LibraryError(
                    f"cannot write into {shown(str(self.path.parent))}: choose another place with --store"
                )
            self._mode = "ro"
        version = self._version_before()
        if writable:
            schema.migrate(self.connection)
        elif version < schema.VERSION:
            raise LibraryError(
                f"{shown(str(self.path))} has version {version} and cannot be written to become {schema.VERSION}"
            )
        return writable

    def _version_before(self) -> int:
        """The file's version, before anything in it is changed.

        Raises:
            LibraryError: Where it is no library, or a newer one.
        """
        with closing(self._connect(first=True)) as connection:
            if not schema.is_library(connection):
                raise LibraryError(f"{shown(str(self.path))} is a database, but not a library")
            if (version := schema.version_of(connection)) > schema.VERSION:
                raise LibraryError(
                    f"{shown(str(self.path))} is a library of version {version}, newer than this whisper_magic "
                    f"({schema.VERSION}): upgrade to read it"
                )
        return version

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode."""
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = self._connect()
            with self._lock:
                self._connections.append(connection)
        return connection

    def _connect(self, first: bool = False) -> sqlite3.Connection:
        address = f"{self.path.resolve().as_uri()}?mode={self._mode}"
        connection = _opened(address)
        if self._mode == "ro":
            try:  # a reader too needs the log's index, which it cannot make here
                connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
            except sqlite3.OperationalError:
                connection.close()
                connection = _opened(f"{address}&immutable=1")
            return connection
        if first:
            return connection
        _keep_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed at the end, rolled back on an error.

        Raises:
            LibraryError: Where the file cannot be written; nothing of the transaction is kept.
        """
        if self.read_only:
            raise LibraryError(f"{shown(str(self.path))} is read-only")
        with self._reported("write"):
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
                self._writes += 1
            except BaseException:
                with suppress(sqlite3.OperationalError):  # a full disk has rolled it back
                    connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """All rows of a query.

        Raises:
            LibraryError: Where the file cannot be read.
        """
        with self._reported("read"):
            return self.connection.execute(sql, values).fetchall()

    def named_rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """All rows of a query, by the names of its columns: those of a dataclass's fields.

        Raises:
            LibraryError: Where the file cannot be read.
        """
        with self._reported("read"):
            cursor = self.connection.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    @contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            reason = one_line(error)
            if "disk is full" in reason:
                reason = "the disk is full; what was committed before is kept"
            elif "locked" in reason:
                reason = f"another process has been writing for {PATIENCE:g} s"
            raise LibraryError(f"cannot {what} {shown(str(self.path))}: {reason}") from error

    @property
    def version(self) -> tuple[int, ...]:
        """Changes whenever any process writes to the file. Each thread has its own."""
        return self._writes, id(self.connection), int(self.query("PRAGMA data_version")[0][0])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside is of one moment, whatever is written meanwhile."""
        self.query("BEGIN")
        try:
            yield
        finally:
            self.query("COMMIT")

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._threads = threading.local()


def _opened(address: str) -> sqlite3.Connection:
    # A connection is used by its own thread; `close` is called by another.
    connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    connection.create_function("contains", 2, lambda text, part: part_in(text, part) is not None, deterministic=True)
    return connection


def _keep_log(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log. SQLite refuses while another process does the same, and does not wait."""
    late = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > late:
                raise
            time.sleep(0.01)


# Text that SQLite can hold


@overload
def storable(text: str) -> str: ...


@overload
def storable(text: None) -> None: ...


def storable(text: str | None) -> str | None:
    """Text without lone surrogates, which UTF-8 cannot hold: those of file names that are not UTF-8 become escapes."""
    return text if text is None else text.encode("utf-8", "backslashreplace").decode()


def restored(name: str) -> str:
    """The reverse of `storable` for a file's name."""
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), name)
