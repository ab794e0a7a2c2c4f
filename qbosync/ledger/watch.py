"""What the ledger remembers of QuickBooks: what it held, who changed it, what was said of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import simplejson

from qbosync.edit import Edit, Kind, Says, Word
from qbosync.key import Key
from qbosync.ledger.history import History
from qbosync.ledger.row import key_text, read_key
from qbosync.mapping.context import Memory, Stranger
from qbosync.model import Problem
from qbosync.operation import canonical, digest

_LONGEST = timedelta(days=60)
"""So long what people entered by hand may still be the same as something in the shop."""


class Watch(History):
    """What people did in QuickBooks, and what they decided about it here."""

    # What QuickBooks held when we last wrote or looked ---------------------------------------

    def seen(self, keys: Collection[Key]) -> dict[Key, dict[str, Any]]:
        """What QuickBooks held of these; what was never looked at is missing."""
        wanted = {key_text(key) for key in keys}
        if len(wanted) > 500:
            rows = self._rows("SELECT * FROM seen")
        else:
            marks = ", ".join("?" * len(wanted))
            rows = self._rows(f"SELECT * FROM seen WHERE key IN ({marks})", *wanted)  # noqa: S608
        return {
            read_key(row["key"]): simplejson.loads(row["seen"])
            for row in rows
            if row["key"] in wanted
        }

    def _see(self, key: Key, seen: Mapping[str, Any]) -> None:
        self._put("seen", {"key": key_text(key), "seen": canonical(seen)})

    # Edits -----------------------------------------------------------------------------------

    def edits(self) -> dict[Key, Edit]:
        """What people changed in QuickBooks, and nobody has settled."""
        return {edit.key: edit for edit in map(_read_edit, self._rows("SELECT * FROM edits"))}

    def watch(
        self,
        edits: Iterable[Edit],
        cleared: Iterable[Key],
        seen: Mapping[Key, Mapping[str, Any]],
    ) -> None:
        """Enter what was found, what is so no longer, and what QuickBooks holds as we wish it."""
        with self.transaction():
            for edit in edits:
                self._put("edits", _edit_row(edit))
                if edit.kind.is_gone:
                    state = "void" if edit.kind is Kind.VOIDED else "deleted"
                    self.db.execute(
                        "UPDATE entries SET state = ? WHERE key = ?", [state, key_text(edit.key)]
                    )
            for key in cleared:
                self.db.execute("DELETE FROM edits WHERE key = ?", [key_text(key)])
            for key, facts in seen.items():
                self._see(key, facts)

    def _settled(self, key: Key, *, is_whole: bool = True) -> None:
        """What was written or tied anew is no longer edited, and the word on it is carried out.

        Of a customer perhaps only some fields were written: the next look tells what is left.
        """
        for table in ("edits", "words") if is_whole else ("words",):
            self.db.execute(f"DELETE FROM {table} WHERE key = ?", [key_text(key)])  # noqa: S608

    # A person's word -------------------------------------------------------------------------

    def words(self) -> dict[Key, Word]:
        """What people decided and is not carried out yet, or holds until the source changes."""
        return {word.key: word for word in map(_read_word, self._rows("SELECT * FROM words"))}

    def give(self, words: Iterable[Word]) -> None:
        """Remember a person's word."""
        with self.transaction():
            for word in words:
                row = {
                    "key": key_text(word.key),
                    "verdict": word.verdict.value,
                    "given_at": word.given_at.isoformat(),
                    "said_by": word.by,
                    "theirs": word.theirs,
                    "digest": word.digest,
                    "qbo_id": word.qbo_id,
                }
                self._put("words", row)

    def take_back(self, keys: Iterable[Key]) -> None:
        """Forget words that could not be carried out."""
        with self.transaction():
            for key in keys:
                self.db.execute("DELETE FROM words WHERE key = ?", [key_text(key)])

    def about(self, digests: Mapping[Key, str]) -> None:
        """Note what the source said when these words were given."""
        with self.transaction():
            for key, said in digests.items():
                self.db.execute(
                    "UPDATE words SET digest = ? WHERE key = ? AND digest = ''",
                    [said, key_text(key)],
                )

    def withdraw(self, keys: Iterable[Key]) -> None:
        """Let what is gone in QuickBooks count as taken back by us: another takes its place."""
        with self.transaction():
            for key in keys:
                self.db.execute(
                    "UPDATE entries SET state = 'void', digest = ? WHERE key = ?",
                    [digest({"void": True}), key_text(key)],
                )
                self._settled(key)

    def forget(self, keys: Iterable[Key]) -> None:
        """Let documents go: their numbers and Ids are kept, and they are never written again."""
        with self.transaction():
            for key in keys:
                self.db.execute(
                    "UPDATE entries SET state = CASE state WHEN 'live' THEN 'forgotten'"
                    " ELSE 'let_go' END WHERE key = ?",
                    [key_text(key)],
                )
                for table in ("edits", "words"):
                    self.db.execute(f"DELETE FROM {table} WHERE key = ?", [key_text(key)])  # noqa: S608

    def take_up(self, keys: Iterable[Key]) -> None:
        """Take what was let go into our hands again; what is gone is written anew."""
        with self.transaction():
            for key in keys:
                self.db.execute(
                    "UPDATE entries SET digest = CASE state WHEN 'let_go' THEN ? ELSE digest END,"
                    " state = CASE state WHEN 'let_go' THEN 'void' ELSE 'live' END WHERE key = ?",
                    [digest({"void": True}), key_text(key)],
                )

    def rekey(self, old: Key, new: Key) -> None:
        """Let a document stand for another record from now on."""
        with self.transaction():
            for table in ("entries", "seen"):
                self.db.execute(
                    f"UPDATE {table} SET key = ? WHERE key = ?",  # noqa: S608
                    [key_text(new), key_text(old)],
                )
            self.db.execute(
                "UPDATE entries SET kind = ?, source_id = ? WHERE key = ?",
                [new.kind, new.id, key_text(new)],
            )
            for key in (old, new):
                self._settled(key)

    # Holds by hand ---------------------------------------------------------------------------

    def asides(self) -> list[dict[str, Any]]:
        """Records that a person put aside, oldest first."""
        return self._rows("SELECT * FROM asides ORDER BY since, source")

    def put_aside(self, source: str, why: str, by: str, now: datetime) -> None:
        """Hold a record until it is released."""
        row = {"source": source, "why": why, "said_by": by, "since": now.isoformat()}
        with self.transaction():
            self._put("asides", row)

    def release(self, source: str) -> bool:
        """Let a record go again; whether it was put aside at all."""
        with self.transaction():
            found = self.db.execute("DELETE FROM asides WHERE source = ?", [source])
        return bool(found.rowcount)

    # What people entered by hand -------------------------------------------------------------

    def strangers(self) -> list[Stranger]:
        """Money and invoices in QuickBooks that are not from here."""
        return [_read_stranger(row) for row in self._rows("SELECT * FROM strangers")]

    def meet(self, found: Iterable[Stranger], gone: Iterable[str], today: date) -> None:
        """Remember what people entered; what is long past or gone is forgotten."""
        oldest = (today - _LONGEST).isoformat()
        with self.transaction():
            self.db.execute("DELETE FROM strangers WHERE dated < ?", [oldest])
            for id_ in gone:
                self.db.execute("DELETE FROM strangers WHERE id = ?", [id_])
            for stranger in found:
                self._put("strangers", _stranger_row(stranger))

    def with_people(self, memory: Memory) -> Memory:
        """The same memory with what people did and decided."""
        return replace(
            memory,
            edits=self.edits(),
            words=self.words(),
            asides={row["source"]: _aside(row) for row in self.asides()},
            strangers=tuple(self.strangers()),
        )


def _aside(row: Mapping[str, Any]) -> Problem:
    why = f": {row['why']}" if row["why"] else ""
    by = f" by {row['said_by']}" if row["said_by"] else ""
    return Problem(
        row["source"],
        "put_aside",
        f"Put aside on {row['since'][:10]}{by}{why}.",
        f"`qbosync release {row['source']}` lets it go.",
    )


def _edit_row(edit: Edit) -> dict[str, Any]:
    return {
        "key": key_text(edit.key),
        "kind": edit.kind.value,
        "source": edit.key.source,
        "theirs": edit.theirs,
        "found_at": edit.found_at.isoformat(),
        "fields": canonical({name: list(pair) for name, pair in edit.fields.items()}),
        "became": edit.into,
    }


def _read_edit(row: Mapping[str, Any]) -> Edit:
    fields = {name: (pair[0], pair[1]) for name, pair in simplejson.loads(row["fields"]).items()}
    found_at = datetime.fromisoformat(row["found_at"])
    return Edit(
        read_key(row["key"]), Kind(row["kind"]), row["theirs"], found_at, fields, row["became"]
    )


def _read_word(row: Mapping[str, Any]) -> Word:
    return Word(
        read_key(row["key"]),
        Says(row["verdict"]),
        datetime.fromisoformat(row["given_at"]),
        row["said_by"],
        row["theirs"],
        row["digest"],
        row["qbo_id"],
    )


def _stranger_row(stranger: Stranger) -> dict[str, Any]:
    return {
        "id": stranger.id,
        "entity": stranger.entity,
        "qbo_id": stranger.qbo_id,
        "customer": stranger.customer,
        "amount": str(stranger.amount),
        "dated": stranger.dated.isoformat(),
        "reference": stranger.reference,
        "estimate": stranger.estimate,
    }


def _read_stranger(row: Mapping[str, Any]) -> Stranger:
    return Stranger(
        row["entity"],
        row["qbo_id"],
        row["customer"],
        Decimal(row["amount"]),
        date.fromisoformat(row["dated"]),
        row["reference"],
        row["estimate"],
        row["id"],
    )
