"""The ledger's file: made once, opened with care, and every harm to it said in words.

Real files; what a disk says is what SQLite says of it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from qbosync.errors import LedgerError
from qbosync.ledger import Ledger, schema
from qbosync.ledger.file import PART
from qbosync.ledger.schema import ADDED, SCHEMA, TABLES, connect, explained, look

WAY_OUT = "Restore it from a copy in the folder backups beside it, or run `qbosync ledger rebuild`"
HANDLES = Path("/proc/self/fd")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger that was closed."""
    path = tmp_path / "a.db"
    Ledger.create(path, {"uuid": "u"}).close()
    return path


def trouble(work: Callable[[], object]) -> tuple[str, str]:
    """What a person reads, and is told to do."""
    with pytest.raises(LedgerError) as caught:
        work()
    return caught.value.what, caught.value.todo


def change(path: Path, *statements: str) -> None:
    """What another program does to the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def age(path: Path) -> None:
    """Make of it what the first version would have written."""
    change(path, *(f"DROP TABLE {name}" for names in ADDED.values() for name in names))
    change(path, "UPDATE meta SET value = '1' WHERE name = 'schema'")


def tables(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as db:
        return dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))


# Made -------------------------------------------------------------------------------------------


def test_a_new_ledger_is_the_owners_alone_and_says_what_it_is_of(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "a.db"
    before = os.umask(0)
    try:
        ledger = Ledger.create(path, {"uuid": "u", "realm": "9"})
        ledger.set_fact("more", "yes")
        modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert ledger.facts("") == {
        "schema": "2", "sequence": "0", "uuid": "u", "realm": "9", "more": "yes",
    }  # fmt: skip
    ledger.close()
    assert [each.name for each in path.parent.iterdir()] == ["a.db"], "the log is folded in"


def test_every_table_is_strict_and_has_its_key(path: Path) -> None:
    made = tables(path)
    assert set(made) == set(TABLES)
    for name, sql in made.items():
        assert sql.rstrip().endswith("STRICT"), name
        assert '"' + TABLES[name][1] + '"' in sql and "PRIMARY KEY" in sql, name


def test_questions_that_are_asked_often_have_an_index(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        made = {
            (table, tuple(row[2] for row in db.execute(f"PRAGMA index_info({name})")))
            for table, name in db.execute(
                "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index' AND sql <> ''"
            )
        }
    assert made == {
        ("intents", ("state",)),
        ("intents", ("kind", "source_id")),
        ("intents", ("key",)),
        ("entries", ("entity", "qbo_id")),
    }


def test_a_ledger_is_never_made_in_place_of_another(path: Path) -> None:
    before = path.read_bytes()
    assert trouble(lambda: Ledger.create(path, {})) == (
        f"{path} exists already.", "Move it away first.",
    )  # fmt: skip
    assert path.read_bytes() == before


def test_a_folder_that_is_no_folder_is_told(path: Path) -> None:
    assert trouble(lambda: Ledger.create(path / "b.db", {})) == (
        f"{path} exists already.", "Move it away first.",
    )  # fmt: skip
    below = path / "deep" / "b.db"
    assert trouble(lambda: Ledger.create(below, {})) == (
        f"The ledger {below} cannot be used: Not a directory.",
        "Look at the disk and at the file's owner and mode.",
    )


# Opened -----------------------------------------------------------------------------------------


def test_it_is_opened_so_that_nothing_leaves_before_it_is_on_the_disk(path: Path) -> None:
    ledger = Ledger.open(path)
    answers = {
        name: next(iter(ledger.rows(f"PRAGMA {name}")[0].values()))
        for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "fullfsync")
    }
    ledger.close()
    assert answers == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0,
        "fullfsync": 1,
    }  # fmt: skip


def test_a_disk_that_refuses_durability_is_not_written_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite refuses this one silently on any file that has tables.
    monkeypatch.setattr(schema, "_PRAGMAS", {"encoding": "'UTF-16le'"})
    assert trouble(lambda: connect(path)) == (
        f"The disk under {path} does not allow encoding = 'UTF-16le' (it says UTF-8).",
        "Put the data directory on a local disk.",
    )


def test_a_missing_ledger_is_never_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    words = (
        f"The ledger {path} is missing.",
        f"{WAY_OUT}: nothing is written to QuickBooks until then.",
    )
    assert trouble(lambda: Ledger.open(path)) == words
    assert trouble(lambda: Ledger.looked_at(path).__enter__()) == words
    with pytest.raises(sqlite3.OperationalError):
        connect(path)
    assert not path.exists()


def test_an_empty_file_is_never_taken_for_a_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    assert trouble(lambda: Ledger.open(path)) == (f"The ledger {path} is empty.", f"{WAY_OUT}.")
    assert path.stat().st_size == 0


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    assert trouble(lambda: Ledger.open(tmp_path)) == (
        f"The ledger {tmp_path} is no file.", f"Move it away. {WAY_OUT}.",
    )  # fmt: skip


def test_a_place_that_cannot_be_looked_into_is_told(path: Path) -> None:
    below = path / "a.db"
    assert trouble(lambda: Ledger.open(below)) == (
        f"The ledger {below} cannot be read: Not a directory.",
        "Give this user the right to read it.",
    )


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no users")
def test_a_ledger_of_another_user_is_left_alone_but_by_the_administrator(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert trouble(lambda: Ledger.open(path)) == (
        f"The ledger {path} belongs to another user.",
        "Run qbosync as that user; two users never share one company.",
    )
    monkeypatch.setattr(os, "geteuid", lambda: owner)
    Ledger.open(path).close()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if owner == 0:
        os.chown(path, 1, -1)
    Ledger.open(path).close()


@pytest.mark.parametrize("version", ["0", "3", "1x", ""])
def test_a_ledger_of_another_version_is_not_touched(path: Path, version: str) -> None:
    change(path, f"UPDATE meta SET value = '{version}' WHERE name = 'schema'")
    before = path.read_bytes()
    said = f"version {version}" if version else "none"
    assert trouble(lambda: Ledger.open(path)) == (
        f"{path} is not a ledger of this version of qbosync (it needs version 2, this is {said}).",
        f"{WAY_OUT}; after a downgrade, go back to the newer qbosync.",
    )
    assert path.read_bytes() == before


def test_another_programs_database_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    change(path, "CREATE TABLE notes (x)")
    what, _ = trouble(lambda: Ledger.open(path))
    assert what.endswith("(it needs version 2, this is none).")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("no database " * 100)
    assert trouble(lambda: Ledger.open(path)) == (
        f"The ledger {path} cannot be used: it is no database (SQLITE_NOTADB).",
        f"Keep the file. {WAY_OUT}.",
    )


def test_a_damaged_ledger_is_told_and_stays_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        [size] = db.execute("PRAGMA page_size").fetchone()
        [page] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'words'").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))
    with closing(sqlite3.connect(path)) as db:
        [said] = db.execute("PRAGMA quick_check(1)").fetchone()
    before = path.read_bytes()
    what, todo = trouble(lambda: Ledger.open(path))
    assert what == f"The ledger {path} is damaged: {said}."
    assert todo == f"Keep the file. {WAY_OUT}." and path.read_bytes() == before


@pytest.mark.skipif(not HANDLES.exists(), reason="open files cannot be counted here")
@pytest.mark.parametrize("harm", ["no database", "another version", "a pragma"])
def test_what_cannot_be_opened_is_not_kept_open(
    path: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if harm == "no database":
        path.write_text("no database " * 100)
    elif harm == "a pragma":
        monkeypatch.setattr(schema, "_PRAGMAS", {"encoding": "'UTF-16le'"})
    else:
        change(path, "UPDATE meta SET value = '9' WHERE name = 'schema'")
    before = len(list(HANDLES.iterdir()))
    for _ in range(3):
        with pytest.raises(LedgerError):
            Ledger.open(path)
    assert len(list(HANDLES.iterdir())) == before


# An older version -------------------------------------------------------------------------------


def test_an_older_ledger_is_brought_up_to_date_when_it_is_opened(path: Path) -> None:
    whole = tables(path)
    age(path)
    ledger = Ledger.open(path)
    assert ledger.fact("schema") == str(SCHEMA) and ledger.edits() == {}
    ledger.close()
    assert tables(path) == whole


def test_an_older_ledger_is_brought_up_to_date_wholly_or_not_at_all(path: Path) -> None:
    age(path)
    change(path, "CREATE TABLE words (x)")
    before = tables(path)
    what, todo = trouble(lambda: Ledger.open(path))
    assert what.startswith(f"The ledger {path} cannot be used: table ")
    assert (
        what.endswith("already exists (SQLITE_ERROR).") and todo == f"Look at the disk. {WAY_OUT}."
    )
    assert tables(path) == before
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() == ("1",)


# Only looked at ---------------------------------------------------------------------------------


def test_a_ledger_is_looked_at_while_another_writes(path: Path) -> None:
    writing = Ledger.open(path)
    writing.set_fact("company", "Alder")
    with writing.transaction(), Ledger.looked_at(path) as ledger:
        assert ledger.fact("company") == "Alder"
        with pytest.raises(LedgerError, match=r"only be read \(SQLITE_READONLY\)"):
            ledger.set_fact("company", "x")
    writing.close()


def test_an_older_ledger_that_is_looked_at_stays_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(path)
    monkeypatch.chdir(path.parent)
    before = path.read_bytes()
    with Ledger.looked_at(path) as ledger:
        assert ledger.fact("schema") == str(SCHEMA) and ledger.words() == {}
        assert ledger.fact("uuid") == "u"
        assert {each.name.partition("-")[0] for each in path.parent.iterdir()} == {"a.db"}
    assert path.read_bytes() == before


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's index of the log cannot be made, as on a disk that takes nothing."""
    real = schema._open

    def without(path: Path, how: str) -> sqlite3.Connection:
        return real(path, f"{how}&vfs=unix-dotfile" if how == "mode=ro" else how)

    monkeypatch.setattr(schema, "_open", without)


posix = pytest.mark.skipif(os.name != "posix", reason="SQLite's other way of locking files")


@posix
@pytest.mark.usefixtures("no_index")
@pytest.mark.parametrize("log", ["none", "empty"])
def test_a_ledger_without_a_log_is_read_as_it_is_where_nothing_can_be_written(
    path: Path, log: str
) -> None:
    if log == "empty":
        Path(f"{path}-wal").touch()
    before = sorted(each.name for each in path.parent.iterdir())
    with Ledger.looked_at(path) as ledger:
        assert ledger.fact("uuid") == "u"
    assert sorted(each.name for each in path.parent.iterdir()) == before


@posix
@pytest.mark.usefixtures("no_index")
def test_a_ledger_with_a_log_is_copied_and_read_where_nothing_can_be_written(
    path: Path, tmp_path: Path
) -> None:
    writing = Ledger.open(path)
    writing.set_fact("company", "Alder")
    aside = tmp_path / "aside"
    aside.mkdir()
    for part in (path, Path(f"{path}-wal")):
        (aside / part.name).write_bytes(part.read_bytes())
    writing.close()
    with Ledger.looked_at(aside / path.name) as ledger:
        assert ledger.fact("company") == "Alder", "what stands in the log counts"
    assert sorted(each.name for each in aside.iterdir()) == ["a.db", "a.db-wal"]
    assert (aside / "a.db-wal").stat().st_size


def test_what_is_looked_at_is_given_back(path: Path) -> None:
    with look(path) as connection:
        assert connection.execute("SELECT count(*) FROM meta").fetchone() == (3,)


# Transactions -----------------------------------------------------------------------------------


def test_a_transaction_is_entered_wholly_or_not_at_all(path: Path) -> None:
    ledger = Ledger.open(path)
    with pytest.raises(KeyboardInterrupt), ledger.transaction():
        ledger.db.execute("INSERT INTO meta VALUES ('half', 'x')")
        raise KeyboardInterrupt
    assert ledger.fact("half") == "" and not ledger.db.conn.in_transaction
    ledger.set_fact("whole", "x")
    ledger.close()
    with Ledger.looked_at(path) as again:
        assert again.fact("whole") == "x"


def test_what_rolled_itself_back_is_told_as_what_it_was(path: Path) -> None:
    ledger = Ledger.open(path)
    with pytest.raises(ValueError, match="the first"), ledger.transaction():
        ledger.db.conn.rollback()
        raise ValueError("the first")
    ledger.close()


def test_a_ledger_that_another_program_keeps_locked_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "PATIENCE", 0.0)
    ledger = Ledger.open(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert trouble(lambda: ledger.set_fact("a", "b")) == (
            f"The ledger {path} cannot be used: another program keeps it locked (SQLITE_BUSY).",
            "Close what has it open, such as a database browser or a backup program.",
        )
    ledger.set_fact("a", "b")
    ledger.close()


# Facts ------------------------------------------------------------------------------------------


def test_a_fact_is_remembered_and_replaced(path: Path) -> None:
    ledger = Ledger.open(path)
    assert ledger.fact("company") == ""
    ledger.set_fact("company", "Alder")
    ledger.set_fact("company", "Birch")
    ledger.set_fact("company:term", "3")
    ledger.set_fact("company:account", "4")
    assert ledger.fact("company") == "Birch"
    assert ledger.facts("company:") == {"term": "3", "account": "4"}
    ledger.close()


def test_the_sequence_goes_up_by_one_and_is_on_the_disk(path: Path) -> None:
    ledger = Ledger.open(path)
    assert [ledger.advance(), ledger.advance()] == [1, 2]
    with Ledger.looked_at(path) as other:
        assert other.fact("sequence") == "2"
    change(path, "DELETE FROM meta WHERE name = 'sequence'")
    assert ledger.advance() == 1
    ledger.close()


# Copies -----------------------------------------------------------------------------------------


def test_a_copy_is_whole_and_the_owners_alone(path: Path, tmp_path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.set_fact("company", "Alder")
    copy = tmp_path / "deep" / "down" / "copy.db"
    ledger.backup(copy)
    ledger.set_fact("company", "Birch")
    ledger.close()
    assert copy.stat().st_mode & 0o777 == 0o600 and copy.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in copy.parent.iterdir()] == ["copy.db"]
    copied = Ledger.open(copy)
    assert copied.fact("company") == "Alder"
    copied.close()


def test_a_copy_never_takes_the_place_of_another(path: Path, tmp_path: Path) -> None:
    ledger = Ledger.open(path)
    copy = tmp_path / "copy.db"
    copy.write_text("of last week")
    assert trouble(lambda: ledger.backup(copy)) == (
        f"{copy} exists already.", "Move it away first.",
    )  # fmt: skip
    assert copy.read_text() == "of last week"
    ledger.close()


def test_what_a_killed_copy_left_is_in_nobodys_way(path: Path, tmp_path: Path) -> None:
    ledger = Ledger.open(path)
    copy = tmp_path / "copy.db"
    for name in (f"copy.db{PART}", f"copy.db{PART}-journal"):
        (tmp_path / name).write_text("half")
    ledger.backup(copy)
    ledger.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.db", "copy.db"]


def test_nothing_is_left_of_a_copy_that_fails(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(path)

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "rename", refuse)
    copy = tmp_path / "copy.db"
    assert trouble(lambda: ledger.backup(copy)) == (
        f"The ledger {copy} cannot be used: No space left on device.",
        "Look at the disk and at the file's owner and mode.",
    )
    ledger.close()
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


# What SQLite and the disk say --------------------------------------------------------------------

SAID = {
    "SQLITE_FULL": ("the disk is full", "Make room on it; the next run goes on."),
    "SQLITE_READONLY_DBMOVED": ("it can only be read", "Make the disk and the file writable."),
    "SQLITE_BUSY_SNAPSHOT": (
        "another program keeps it locked",
        "Close what has it open, such as a database browser or a backup program.",
    ),
    "SQLITE_CORRUPT_INDEX": ("it is damaged", f"Keep the file. {WAY_OUT}."),
    "SQLITE_NOTADB": ("it is no database", f"Keep the file. {WAY_OUT}."),
    "SQLITE_IOERR_WRITE": ("the disk does not read or write", "Look at the disk; then run again."),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Look at the folder's owner, mode and free room."),
    "SQLITE_ERROR": ("what it said", f"Look at the disk. {WAY_OUT}."),
}


def said(code: str) -> sqlite3.DatabaseError:
    error = sqlite3.OperationalError("what it said")
    error.sqlite_errorname = code
    return error


@pytest.mark.parametrize(("code", "words"), SAID.items())
def test_what_sqlite_says_is_told_in_words_with_its_code(
    tmp_path: Path, code: str, words: tuple[str, str]
) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(LedgerError) as caught, explained(path):
        raise said(code)
    assert caught.value.what == f"The ledger {path} cannot be used: {words[0]} ({code})."
    assert caught.value.todo == words[1]


def test_an_error_of_a_disk_without_room_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    monkeypatch.setattr(schema, "_LITTLE", free * 2 + 1)
    with pytest.raises(LedgerError) as caught, explained(path):
        raise said("SQLITE_IOERR_SHMSIZE")
    assert caught.value.what.endswith("the disk is full (SQLITE_FULL, SQLITE_IOERR_SHMSIZE).")
    with pytest.raises(LedgerError, match="does not read or write"), explained(path / "no" / "b"):
        raise said("SQLITE_IOERR")


def test_an_error_without_a_code_is_told_by_its_kind(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r": odd \(DatabaseError\)\.$"), explained(tmp_path):
        raise sqlite3.DatabaseError("odd")


def test_a_broken_rule_of_our_own_is_a_bug_and_stays_one(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError), explained(tmp_path):
        raise sqlite3.IntegrityError("UNIQUE")
