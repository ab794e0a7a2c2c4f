"""The probe against the emulator: every question has an answer, and no secret stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from qbosync.emulator import Emulator, Server, VirtualClock
from qbosync.emulator.provenance import SWITCHES
from qbosync.emulator.readme import load_all
from qbosync.probe.__main__ import main
from qbosync.probe.cassette import scrub
from qbosync.probe.question import QUESTIONS
from qbosync.probe.stage import MOST

REALM = "9341450000000001"


@dataclass
class Tied:
    """The emulator's own clock, as the probe takes it: who sleeps moves it."""

    clock: VirtualClock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def monotonic(self) -> float:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)


class Sandbox:
    """An emulated company, and the probe's words about it."""

    def __init__(self, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
        self.server, self.capsys = server, capsys
        assert isinstance(server.emulator.clock, VirtualClock)
        self.clock = server.emulator.clock

    def prefer(self, **groups: Any) -> None:
        to = f"{self.server.url}/_emulator/companies/{REALM}/preferences"
        requests.post(to, json=groups, timeout=10).raise_for_status()

    def probe(self, *words: str) -> tuple[int, dict[str, list[str]], int]:
        """Exit code, rows by letter with their cells joined, how many requests."""
        code = main(["--emulator", self.server.url, *words], Tied(self.clock))
        text = self.capsys.readouterr().out
        rows: dict[str, list[str]] = {}
        letter = ""
        for line in text.splitlines():
            if not line.startswith("│"):
                continue
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            letter = cells[0] or letter
            old = rows.setdefault(letter, [""] * len(cells))
            rows[letter] = [f"{a} {b}".strip() for a, b in zip(old, cells, strict=True)]
        found = re.search(r"(\d+) requests\.", text)
        assert found, text
        return code, rows, int(found[1])


@pytest.fixture
def assume() -> dict[str, str]:
    return {}


@pytest.fixture
def limits() -> str:
    return "off"


@pytest.fixture
def sandbox(
    assume: dict[str, str], limits: str, capsys: pytest.CaptureFixture[str]
) -> Iterator[Sandbox]:
    clock = VirtualClock()
    emulator = Emulator(clock=clock, seed=1, paranoid=True, assume=assume, limits=limits)
    with Server(emulator=emulator) as server:
        yield Sandbox(server, capsys)


def test_every_question_of_the_list_is_asked(sandbox: Sandbox) -> None:
    code, rows, count = sandbox.probe()
    assert code == 0
    assert sorted(rows) == sorted("abcdefghijklmnopqr") == sorted(QUESTIONS)
    assert {rows[letter][4] for letter in rows} <= {"same", "open"}
    assert sorted(letter for letter in rows if rows[letter][4] == "open") == ["e", "h", "k", "r"]
    assert count <= MOST


def test_every_switch_that_is_named_has_that_default() -> None:
    load_all()
    for asked in QUESTIONS.values():
        for word in filter(None, asked.switch.split(", ")):
            name, _, value = word.partition("=")
            assert SWITCHES[name].values[0] == value


def test_what_settings_leave_open_is_answered_under_others(sandbox: Sandbox) -> None:
    sandbox.prefer(SalesFormsPrefs={"AutoApplyCredit": False, "CustomTxnNumbers": True})
    _, rows, _ = sandbox.probe()
    assert rows["e"][4] == "same"
    assert [letter for letter in "dhm" if rows[letter][4] == "open"] == ["d", "h", "m"]
    day = re.search(r"\d{4}-\d\d-\d\d", rows["h"][3])
    assert day
    sandbox.prefer(AccountingInfoPrefs={"BookCloseDate": day[0]})
    sandbox.clock.advance(86_400)
    _, rows, _ = sandbox.probe("--wait", "25")
    assert rows["h"][4] == rows["r"][4] == "same"
    assert "an id of 24 h ago is remembered" in rows["c"][3]


@pytest.mark.parametrize("limits", ["real"])
def test_real_limits_are_met_and_told(sandbox: Sandbox, limits: str) -> None:
    code, rows, _ = sandbox.probe("--only", "kl")
    assert code == 0
    assert rows["k"][4] == rows["l"][4] == "same"


@pytest.mark.parametrize(
    ("letters", "assume"),
    [
        ("a", {"estimate-status": "Closed"}),
        ("a", {"estimate-after": "unchanged"}),
        ("c", {"requestid-retention": "ignored"}),
        ("c", {"requestid-faults": "remembered"}),
        ("d", {"number-when-automatic": "ignored"}),
        ("n", {"foreign-invoice": "unapplied"}),
        ("q", {"full-update-unlinks": "no"}),
    ],
)
def test_a_company_that_behaves_otherwise_is_told(
    sandbox: Sandbox, letters: str, assume: dict[str, str]
) -> None:
    code, rows, _ = sandbox.probe("--only", letters)
    assert code == 3
    assert rows[letters][4] == "DIFFERENT"


@pytest.mark.parametrize("assume", [{"refresh-race": "both-die"}])
def test_a_race_that_kills_both_tokens_is_told(sandbox: Sandbox, assume: dict[str, str]) -> None:
    code, rows, _ = sandbox.probe("--only", "r", "--wait", "25")
    assert (code, rows["r"][3]) == (3, "dead; dead")


def test_cassettes_hold_no_secret(sandbox: Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("vcr", reason="vcrpy is not installed")
    sandbox.probe("--cassettes", str(tmp_path), "--wait", "25")
    files = {path.name[0]: path.read_text("utf-8") for path in tmp_path.glob("*.yaml")}
    # e is not asked under these settings.
    assert sorted(files) == sorted(set(QUESTIONS) - {"e"})
    for text in files.values():
        assert "Bearer" not in text and "Authorization" not in text
        assert not re.search(r"eyJ|RT1-|AB11", text)
        assert "127.0.0.1" not in text and "requestid" not in text
    assert "SCRUBBED" in files["r"]
    assert "6540" in files["g"]


def test_what_is_private_is_taken_out() -> None:
    text = (
        '{"access_token":"eyJabc","detail":"Token expired: AB01abcdefghijklmnopqrstuv",'
        '"Email":{"Address":"jane@shop.com"},"Phone":{"FreeFormNumber":"(650)944-4444"},'
        '"realm":"123146096291789"}'
    )
    clean = scrub(text, "123146096291789")
    for secret in ("eyJabc", "AB01abc", "jane@", "944-4444", "123146096291789"):
        assert secret not in clean


def test_without_keys_a_sandbox_is_not_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QBOSYNC_CLIENT_ID", raising=False)
    monkeypatch.delenv("QBOSYNC_CLIENT_SECRET", raising=False)
    assert main([], Tied(VirtualClock())) == 4
    assert "development keys" in capsys.readouterr().err


def test_an_emulator_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--emulator", "http://127.0.0.1:9"], Tied(VirtualClock())) == 5
    assert "cannot be reached" in capsys.readouterr().err
