"""The recordings, replayed with our own client: what is sent today is what was recorded.

Nothing is recorded here and nobody is asked: a request that is in no cassette fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from qbosync.key import Entity
from qbosync.qbo.client import Call
from tests.record_cassettes import FOLDER, HOST, record, recorder
from tests.scenes import CLIENT_ID, CLIENT_SECRET, IDS, REALM, SCENES, SCRUBBED, Stage

ROOT = FOLDER.parent
CASSETTES = sorted(ROOT.rglob("*.yaml"))
LONGEST = 200
LEAKS = {
    "a bearer token": r"Bearer [A-Za-z0-9]",
    "a pair of keys": r"Basic [A-Za-z0-9+/=]{8}",
    "a JSON web token": r"eyJ[\w-]{10}",
    "an Intuit refresh token": r"AB11\w{10}|RT1-\d+",
    "a token's value": rf"_token['\"]?\s*[:=]\s*['\"]?(?!{SCRUBBED})[\w.-]{{8}}",
    "a code's value": rf"\bcode=(?!{SCRUBBED})",
    "a realm id": r"\b\d{15,19}\b|company/(?!REALM)",
    "the client's keys": f"{CLIENT_ID}|{CLIENT_SECRET}",
    "a header with keys": r"(?i)\bauthorization:|\bcookie:",
}


@pytest.fixture
def stage() -> Stage:
    return Stage(f"http://{HOST}")


def replay(name: str, stage: Stage) -> Any:
    """Play a scene against its recording: every exchange of it once, and no other."""
    machine = recorder("none")
    with machine.use_cassette(str(FOLDER / f"{name}.yaml")) as cassette:
        result = SCENES[name](stage)
    assert cassette.all_played, "the recording has exchanges that our client no longer asks for"
    return result


@pytest.mark.parametrize("name", SCENES)
def test_our_client_still_sends_what_was_recorded(name: str, stage: Stage) -> None:
    replay(name, stage)


def test_a_sign_in_stores_the_token_before_it_is_used(stage: Stage) -> None:
    signed_in = replay("sign-in", stage)
    assert signed_in.keeper.blob.refresh_token == SCRUBBED
    assert signed_in.keeper.blob.hard_expires_at is not None


def test_a_refresh_gives_an_access_token(stage: Stage) -> None:
    assert replay("refresh", stage) == SCRUBBED


def test_the_settings_that_could_hurt_are_in_the_preferences(stage: Stage) -> None:
    found = replay("preferences", stage)
    assert found["TaxPrefs"]["UsingSalesTax"] is False
    assert found["SalesFormsPrefs"]["AutoApplyCredit"] is False


def test_a_customer_is_found_by_name_and_the_other_is_not_there(stage: Stage) -> None:
    [found] = replay("query-customers", stage)
    assert found["DisplayName"] == "Birchwood Homes"


def test_the_invoice_is_linked_to_its_estimate_and_open_for_all_of_it(stage: Stage) -> None:
    answer = replay("convert-to-invoice", stage)
    assert answer.outcome == "posted"
    assert answer.object["LinkedTxn"] == [{"TxnId": IDS[Entity.ESTIMATE], "TxnType": "Estimate"}]
    assert answer.object["Balance"] == answer.object["TotalAmt"] == Decimal("106.00")
    assert isinstance(answer.object["TotalAmt"], Decimal)


def test_the_waiting_deposit_is_applied_to_exactly_that_invoice(stage: Stage) -> None:
    waiting = replay("receive-payment", stage)
    assert waiting.object["UnappliedAmt"] == Decimal("40.00")
    applied = replay("apply-payment", stage).object
    assert applied["UnappliedAmt"] == 0
    [line] = applied["Line"]
    assert line["LinkedTxn"] == [{"TxnId": IDS[Entity.INVOICE], "TxnType": "Invoice"}]


def test_a_number_that_is_taken_names_the_document_that_has_it(stage: Stage) -> None:
    answer = replay("number-taken", stage)
    assert (answer.outcome, answer.fault.code) == ("refused", "6140")
    assert answer.fault.txn_id == IDS[Entity.ESTIMATE]


def test_one_refusal_in_a_batch_is_no_other_s(stage: Stage) -> None:
    answers = replay("batch", stage)
    assert [answer.outcome for answer in answers] == ["posted", "refused", "posted"]
    assert answers[1].fault.code == "6240"


def test_changes_of_all_kinds_come_in_one_read(stage: Stage) -> None:
    found = replay("changes", stage)
    assert {kind: len(rows) for kind, rows in found.objects.items()} == {
        "Estimate": 1,
        "Invoice": 1,
        "Payment": 1,
    }
    assert found.read_at > stage.clock.now()


def test_a_request_that_was_not_recorded_fails(stage: Stage) -> None:
    machine = recorder("none")
    path = str(FOLDER / "create-customer.yaml")
    with machine.use_cassette(path), pytest.raises(Exception, match="bodies differ"):
        stage.company.write(Call("create", "Customer", {"DisplayName": "Somebody else"}, "q1"))


# The files -----------------------------------------------------------------------------------


def test_every_scene_has_a_cassette_and_every_cassette_a_scene() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == SCENES.keys()
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in SCENES if f"`{name}`" not in told]


def test_recording_anew_gives_the_same_files(tmp_path: Path) -> None:
    record(tmp_path)
    for name in SCENES:
        fresh, kept = exchanges(tmp_path / f"{name}.yaml"), exchanges(FOLDER / f"{name}.yaml")
        assert fresh == kept, f"{name}: run `python -m tests.record_cassettes`, and look at it"


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_a_cassette_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_no_cassette_holds_a_secret(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # Long texts are folded over lines: look at them whole, too.
    for words in (text, *strings(yaml.safe_load(text))):
        assert leaks(words) == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("a bearer token", "Authorization: Bearer abc"),
        ("a JSON web token", '"eyJlbmMiOiJBMTI4Q0JDLUhTMjU2"'),
        ("an Intuit refresh token", "AB11736300000abcdef"),
        ("a token's value", '"refresh_token":"abcdefgh12"'),
        ("a token's value", "refresh_token=abcdefgh12"),
        ("a code's value", "grant_type=authorization_code&code=XAB1"),
        ("a realm id", "/v3/company/9341450000000001/invoice"),
        ("the client's keys", f"client_id={CLIENT_ID}"),
    ],
)
def test_the_look_for_secrets_sees_them(kind: str, text: str) -> None:
    assert kind in leaks(text)


def exchanges(path: Path) -> list[dict[str, Any]]:
    """The requests and answers of a cassette."""
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"])


def leaks(text: str) -> list[str]:
    """What a text gives away."""
    return [kind for kind, pattern in LEAKS.items() if re.search(pattern, text)]


def strings(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from strings(name)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def test_realm_and_host_are_the_same_everywhere() -> None:
    for path in CASSETTES:
        for exchange in exchanges(path):
            uri = exchange["request"]["uri"]
            assert uri.startswith(f"http://{HOST}/"), path.name
            assert "/v3/company/" not in uri or f"/v3/company/{REALM}/" in uri
            assert "requestid" not in uri
