"""A zip for whoever helps: how it stands, the checks, the log's end, an extract of the ledger.

No secret is in it: none of these places holds one.  Names of customers and of the company
are replaced, and free text of documents is left out; figures, numbers and Ids stay, since
that is what help is about.
"""

from __future__ import annotations

import io
import os
import platform
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import simplejson

from qbosync import __version__
from qbosync.errors import QbosyncError, SetupError
from qbosync.examine import check
from qbosync.firstday import who
from qbosync.inquire import explain
from qbosync.key import Entity
from qbosync.ledger import Ledger
from qbosync.qbo.preferences import voucher
from qbosync.standing import status
from qbosync.wiring import Setup, look_into_ledger, open_source

_RUNS = 50
_LOG_LINES = 200
_LIBRARIES = ("click", "keyring", "requests", "requests-oauthlib", "rich", "sqlite-utils")
_FREE_TEXT = re.compile(
    "memo|note|addr|email|phone|description|reference|refnum|city|line[123]|zip|company",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_LEFT_OUT = "left out"
_FIGURES = ("Total", "TotalAmt", "TxnDate", "DocNumber", "DueDate", "TxnStatus")


@dataclass(frozen=True)
class Bundle:
    """Files by name, ready to be looked at before they are given away."""

    files: Mapping[str, bytes]

    def write(self, path: Path) -> None:
        """The zip, readable by its owner alone.

        Raises:
            SetupError: If the file is there already or cannot be made.
        """
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                archive.writestr(name, content)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError as error:
            raise SetupError(
                f"{path} cannot be made: {error.strerror}.", "Name another file with --to."
            ) from error
        with os.fdopen(handle, "wb") as file:
            file.write(packed.getvalue())


def gather(setup: Setup, ref: str, is_interactive: bool) -> Bundle:
    """All that helps; what cannot be had says why in its place."""
    connection = setup.connected()
    with look_into_ledger(setup, connection) as ledger:
        names = _names(setup, ledger)
        people = _people(ledger)
        documents: dict[str, Any] = {"versions": _versions(), "ledger": _extract(ledger)}
    documents["status"] = _tried(lambda: status(setup, ""))
    documents["check"] = _tried(
        lambda: [
            {"name": c.name, "level": c.level, "evidence": c.evidence}
            for c in check(setup, [], is_interactive).checks
        ]
    )
    if ref:
        documents["record"] = _tried(lambda: _record(setup, ref))
    scrub = _Scrubber(names, connection.company, people)
    files = {
        f"{name}.json": simplejson.dumps(scrub(value), indent=2, use_decimal=True).encode()
        for name, value in documents.items()
    }
    files["config.toml"] = scrub.text(_read(setup.places.config)).encode()
    log = _read(setup.places.log).splitlines()[-_LOG_LINES:]
    files["qbosync.log"] = scrub.text("\n".join(log)).encode()
    return Bundle(files)


def _record(setup: Setup, ref: str) -> dict[str, Any]:
    """One record's story; of what changed only figures, dates and numbers."""
    story = explain(setup, ref)
    for write in story["writes"]:
        changes = write["changes"]
        write["changes"] = {n: v if n in _FIGURES else _LEFT_OUT for n, v in changes.items()}
    return story | {"source": {**story["source"], "name": _LEFT_OUT}}


def _tried(ask: Any) -> Any:
    try:
        return ask()
    except QbosyncError as error:
        return {"error": {"what": error.what, "todo": error.todo}}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"({error.strerror})"


def _versions() -> dict[str, str]:
    return {
        "qbosync": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: version(name) for name in _LIBRARIES},
    }


def _extract(ledger: Ledger) -> dict[str, Any]:
    """Counts, the last runs, what is held, and every write that is not settled."""
    open_ = [
        {
            "key": str(intent.key), "action": intent.action.value, "attempts": intent.attempts,
            "first_sent": intent.first_sent.isoformat(), "last_sent": intent.last_sent.isoformat(),
            "request_id": intent.request_id, "batch_id": intent.batch_id,
        }
        for intent in ledger.open_intents()
    ]  # fmt: skip
    return {
        "counts": ledger.counts(),
        "runs": ledger.recent_runs(_RUNS),
        "held": ledger.holds(),
        "open": open_,
        "facts": {name: ledger.fact(name) for name in ("sequence", "schema", "adopt_until")},
    }


def _names(setup: Setup, ledger: Ledger) -> dict[str, str]:
    """Every customer's name, and what stands for it; also of those the export alone knows."""
    names = {
        entry.name: f"customer {entry.key.id}"
        for entry in ledger.entries()
        if entry.key.entity is Entity.CUSTOMER
    }
    try:
        customers = open_source(setup, expect_orders=False).read().customers.values()
    except QbosyncError:
        # Names that only the export knows stand in no file of ours but where it was read.
        return names
    return names | {c.name.strip(): f"customer {c.id}" for c in customers}


def _people(ledger: Ledger) -> set[str]:
    """The accounts of whoever vouched for a setting, decided something, or asks for this."""
    vouchers = {voucher(told)[1] for told in ledger.facts("accepted:").values()}
    deciders = {word.by for word in ledger.words().values()}
    return vouchers | deciders | {row["said_by"] for row in ledger.asides()} | {who()}


class _Scrubber:
    """Leaves out free text, and replaces names wherever else they stand."""

    def __init__(self, names: Mapping[str, str], company: str, people: Iterable[str]) -> None:
        instead = {**names, company: "the company", str(Path.home()): "~"}
        self.instead = {name.casefold(): words for name, words in instead.items() if name.strip()}
        longest_first = sorted(self.instead, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        self.pattern = re.compile(pattern, re.IGNORECASE)
        # An account may be called as briefly as a syllable: only the whole word is one.
        accounts = "|".join(re.escape(name) for name in people if name)
        self.people = re.compile(rf"(?<!\w)(?:{accounts})(?!\w)") if accounts else None

    def __call__(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping):
            return {inner: self(child, inner) for inner, child in value.items()}
        if isinstance(value, list | tuple):
            return [self(child, name) for child in value]
        if not isinstance(value, str):
            return value
        return _LEFT_OUT if value and _FREE_TEXT.search(name) else self.text(value)

    def text(self, words: str) -> str:
        """A text with every name and address replaced."""
        replaced = self.pattern.sub(lambda found: self.instead[found.group().casefold()], words)
        replaced = _PERSONAL.sub("an e-mail address", replaced)
        return self.people.sub("somebody", replaced) if self.people else replaced


def listing(files: Iterable[tuple[str, bytes]]) -> list[str]:
    """What goes into the zip, for a person to look at first."""
    return [f"{name}  {len(content):,} bytes" for name, content in files]
