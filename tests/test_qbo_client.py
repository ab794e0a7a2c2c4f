"""The client against the emulator over HTTP: what became of each write, and no read too many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from qbosync.emulator import Server
from qbosync.errors import SetupError, TemporaryError
from qbosync.qbo.client import Call, Company, WindowTooOldError
from qbosync.qbo.limits import NoPace, Pace
from qbosync.qbo.oauth import discover, exchange
from qbosync.qbo.query import is_in, literal
from qbosync.qbo.transport import HttpTransport, NotSent, Reply, Request

REALM = "9341450000000001"


class FakeClock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


class Signer:
    """An access token, and another one for each refresh."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def access_token(self) -> str:
        return self.tokens[0]

    def refresh(self, stale: str) -> str:
        if len(self.tokens) > 1:
            self.tokens.pop(0)
        return self.tokens[0]


class Desk:
    """An emulator and a client of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.clock = FakeClock()
        self.transport = HttpTransport(self.clock, allow_loopback_http=True)
        self.tokens = [self._token(), self._token()]
        self.signer = Signer(list(self.tokens))
        self.company = Company(server.url, REALM, self.transport, self.signer, NoPace(), self.clock)

    def _token(self) -> str:
        back = "http://localhost:1/c"
        asked = {
            "client_id": "c", "redirect_uri": back, "state": "s", "approve": REALM,
            "response_type": "code", "scope": "com.intuit.quickbooks.accounting",
        }  # fmt: skip
        url = f"{self.server.url}/connect/oauth2"
        reply = requests.get(url, params=asked, allow_redirects=False, timeout=5)
        code = reply.headers["Location"].split("code=")[1].split("&")[0]
        ends = discover(self.server.url, self.transport)
        made = exchange(ends, "c", "s", code, back, self.transport, self.clock)
        return made.access_token

    def control(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.server.url}/_emulator/{path}"
        return requests.request(method, url, json=body, timeout=5).json()

    def fault(self, kind: str, entity: str, **more: Any) -> None:
        self.control("POST", "faults", {"kind": kind, "when": {"entity": entity}, **more})

    def seen(self, segment: str) -> list[dict[str, Any]]:
        rows = self.control("GET", "requests")
        return [row for row in rows if row["path"].endswith(f"/{segment}")]

    def customer(self, name: str = "Birchwood", request_id: str = "r-c") -> str:
        call = Call("create", "Customer", {"DisplayName": name}, request_id)
        return str(posted(self.company.write(call))["Id"])


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Server(port=0, limits="off", seed=1) as server:
        made = Desk(server)
        prefs = {
            "TaxPrefs": {"UsingSalesTax": False},
            "SalesFormsPrefs": {"AutoApplyCredit": False},
        }
        made.control("POST", f"companies/{REALM}/preferences", prefs)
        yield made


def posted(answer: Any) -> dict[str, Any]:
    assert answer.outcome == "posted", answer
    return dict(answer.object)


def invoice(customer: str, amount: str = "100.10", request_id: str = "r-i") -> Call:
    line = {
        "Amount": Decimal(amount),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "TaxCodeRef": {"value": "NON"}},
    }
    return Call(
        "create", "Invoice", {"CustomerRef": {"value": customer}, "Line": [line]}, request_id
    )


def test_create_update_and_void(desk):
    made = posted(desk.company.write(invoice(desk.customer())))
    base = {"Id": made["Id"], "SyncToken": made["SyncToken"]}
    note = base | {"sparse": True, "PrivateNote": "x"}
    changed = posted(desk.company.write(Call("update", "Invoice", note, "r-u")))
    assert changed["PrivateNote"] == "x"
    base["SyncToken"] = changed["SyncToken"]
    voided = posted(desk.company.write(Call("void", "Invoice", base, "r-v")))
    assert voided["TotalAmt"] == 0 and "Voided" in voided["PrivateNote"]


@pytest.mark.parametrize("is_batch", [False, True])
def test_a_payment_is_voided_alone_and_in_a_batch(desk, is_batch):
    body = {"CustomerRef": {"value": desk.customer()}, "TotalAmt": Decimal("25.00")}
    made = posted(desk.company.write(Call("create", "Payment", body, "r-p")))
    call = Call("void", "Payment", {k: made[k] for k in ("Id", "SyncToken")}, "r-v")
    if is_batch:
        [answer] = desk.company.write_batch([call], "b-1")
    else:
        answer = desk.company.write(call)
    assert posted(answer)["TotalAmt"] == 0


@pytest.mark.parametrize("amount", ["0.10", "1005.41", "0.29", "99999999.99"])
def test_amounts_are_exact_both_ways(desk, amount):
    made = posted(desk.company.write(invoice(desk.customer(), amount)))
    assert isinstance(made["TotalAmt"], Decimal)
    assert made["TotalAmt"] == Decimal(amount)
    assert desk.company.read("Invoice", [made["Id"]])[made["Id"]]["TotalAmt"] == Decimal(amount)


def test_the_request_id_is_in_the_address_and_replays_the_first_answer(desk):
    customer = desk.customer()
    first = posted(desk.company.write(invoice(customer)))
    assert posted(desk.company.write(invoice(customer)))["Id"] == first["Id"]
    assert [row["query"]["requestid"] for row in desk.seen("invoice")] == ["r-i", "r-i"]
    assert {row["query"]["minorversion"] for row in desk.seen("invoice")} == {"75"}


def test_one_bad_item_of_a_batch_is_no_other_items_matter(desk):
    calls = [Call("create", "Customer", {"DisplayName": n}, n) for n in ("A", "B", "A")]
    answers = desk.company.write_batch(calls, "b-1")
    assert [answer.outcome for answer in answers] == ["posted", "posted", "refused"]
    assert answers[2].fault.code == "6240" and answers[2].trace_id
    assert desk.seen("batch")[0]["query"]["requestid"] == "b-1"


def test_a_batch_sent_twice_is_unknown_and_never_refused(desk):
    calls = [Call("create", "Customer", {"DisplayName": "A"}, "r-1")]
    desk.company.write_batch(calls, "b-1")
    assert [a.outcome for a in desk.company.write_batch(calls, "b-1")] == ["unknown"]


def test_an_empty_batch_is_not_sent_and_a_large_one_is_a_mistake(desk):
    assert desk.company.write_batch([], "b") == []
    with pytest.raises(ValueError, match="at most 30"):
        desk.company.write_batch([invoice("1")] * 31, "b")


@pytest.mark.parametrize(
    ("kind", "is_applied"),
    [
        ("reset_before", False),
        ("reset_after", True),
        ("status_500", False),
        ("status_502_html", False),
        ("status_503_html", False),
        ("status_504_after", True),
        ("10000_after", True),
        ("6000_after", True),
        ("truncated", True),
        ("html", True),
        ("not_found_html", False),
        ("fault_200", False),
    ],
)
def test_a_lost_answer_leaves_the_outcome_unknown_and_is_not_sent_again(desk, kind, is_applied):
    customer = desk.customer()
    desk.fault(kind, "invoice")
    answer = desk.company.write(invoice(customer))
    assert answer.outcome == "unknown" and answer.reason
    assert len(desk.seen("invoice")) == 1
    assert desk.company.count("Invoice") == is_applied


def test_every_item_of_a_lost_batch_is_unknown(desk):
    desk.fault("reset_after", "batch")
    calls = [Call("create", "Customer", {"DisplayName": n}, n) for n in "AB"]
    assert [a.outcome for a in desk.company.write_batch(calls, "b")] == ["unknown"] * 2


def test_a_refused_token_is_refreshed_once_and_the_write_sent_again(desk):
    desk.fault("unauthorized", "customer")
    desk.customer()
    assert [row["status"] for row in desk.seen("customer")] == [401, 200]
    assert desk.signer.access_token() == desk.tokens[1]


def test_a_token_refused_twice_stops_with_sign_in_again(desk):
    desk.fault("unauthorized", "customer", times=9)
    answer = desk.company.write(Call("create", "Customer", {"DisplayName": "A"}, "r"))
    assert answer.outcome == "not_sent" and isinstance(answer.error, SetupError)
    assert desk.tokens[0] not in repr(answer)
    desk.fault("unauthorized", "preferences", times=9)
    with pytest.raises(SetupError, match="no longer accepts") as caught:
        desk.company.preferences()
    assert "connect" in caught.value.todo


def test_a_throttled_write_waits_and_goes_out(desk):
    desk.fault("throttle", "customer")
    desk.customer()
    assert desk.clock.slept == [60.0]


def test_what_the_throttle_asks_for_is_waited(desk):
    desk.fault("throttle", "customer", retry_after=7)
    desk.customer()
    assert desk.clock.slept == [7]


def test_a_throttle_without_end_is_given_up_and_nothing_was_applied(desk):
    desk.fault("throttle", "customer", times=50)
    answer = desk.company.write(Call("create", "Customer", {"DisplayName": "A"}, "r"))
    assert answer.outcome == "not_sent" and isinstance(answer.error, TemporaryError)
    desk.fault("throttle", "query", times=50)
    with pytest.raises(TemporaryError):
        desk.company.count("Customer")
    assert desk.clock.slept == [60.0] * 4


@pytest.mark.parametrize("kind", ["reset_before", "status_502_html", "truncated", "html"])
def test_a_read_is_tried_again(desk, kind):
    desk.fault(kind, "preferences")
    assert desk.company.preferences()["SalesFormsPrefs"]
    assert desk.clock.slept == [1.0]


def test_requests_and_reads_are_counted(desk):
    desk.customer()
    desk.company.preferences()
    desk.company.company_info()
    assert (desk.company.requests, desk.company.reads) == (3, 2)
    assert desk.company.server_time is not None and desk.company.server_time.tzinfo is UTC


NAMES = [
    "O'Hara & Söhne",
    "a\\b",
    "\\'",
    'say "so"',
    "100% + more",
    "Ünïcödé / x",
    "\u2019quoted\u2019",
]


def test_names_are_found_as_they_are(desk):
    for number, name in enumerate(NAMES):
        desk.customer(name, f"r-{number}")
    for name in NAMES:
        rows = list(desk.company.select("Customer", f"DisplayName = {literal(name)}"))
        assert [row["DisplayName"] for row in rows] == [name]


def test_a_long_question_goes_as_a_body(desk):
    names = [f"Größe äöü {n}" for n in range(60)]
    assert list(desk.company.select("Customer", is_in("DisplayName", names))) == []
    assert {row["method"] for row in desk.seen("query")} == {"POST"}


def test_what_was_made_inactive_is_still_read_by_id(desk):
    id_ = desk.customer()
    desk.control(
        "POST",
        f"companies/{REALM}/bookkeeper",
        {"action": "deactivate", "entity": "Customer", "id": id_},
    )
    assert desk.company.read("Customer", [id_])[id_]["Active"] is False
    assert desk.company.read("Customer", ["9999"]) == {}


def fill(desk: Desk, count: int) -> None:
    for start in range(0, count, 30):
        names = [f"C{n:05}" for n in range(start, min(start + 30, count))]
        calls = [Call("create", "Customer", {"DisplayName": n}, n) for n in names]
        assert {a.outcome for a in desk.company.write_batch(calls, f"b-{start}")} == {"posted"}


def test_a_thousand_and_more_are_paged_and_all_changes_told(desk):
    fill(desk, 1020)
    before = desk.company.reads
    assert len({row["Id"] for row in desk.company.select("Customer")}) == 1020
    assert desk.company.reads - before == 2
    since = datetime.now(UTC) - timedelta(minutes=5)
    for busy in ((), ("Customer",)):
        changes = desk.company.changes(["Customer", "Invoice"], since, busy)
        assert len({row["Id"] for row in changes.objects["Customer"]}) == 1020


class OneSecond:
    """A company in which a thousand things happened within a second, and then a deletion."""

    AT = "2026-03-10T10:00:00-08:00"

    def __init__(self) -> None:
        gone = {"Id": "7", "status": "Deleted", "MetaData": {"LastUpdatedTime": "later"}}
        live = {"SyncToken": "0", "MetaData": {"LastUpdatedTime": self.AT}}
        self.rows = [{"Id": str(n), **live} for n in range(100, 1300)]
        self.gone = gone

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        import json
        from urllib.parse import parse_qs, urlsplit

        asked = {k: v[0] for k, v in parse_qs(urlsplit(request.url).query).items()}
        stamp = '"time": "2026-03-10T12:00:00-08:00"'
        if "changedSince" in asked:
            after = datetime.fromisoformat(asked["changedSince"]) > datetime.fromisoformat(self.AT)
            rows = [self.gone] if after else self.rows[:1000]
            body = '{"CDCResponse": [{"QueryResponse": [{"Invoice": %s}]}], %s}'
            return Reply(200, {}, (body % (json.dumps(rows), stamp)).encode())
        start = int(asked["query"].split("STARTPOSITION ")[1].split()[0]) - 1
        page = json.dumps(self.rows[start : start + 1000])
        body = '{"QueryResponse": {"Invoice": %s}, %s}'
        return Reply(200, {}, (body % (page, stamp)).encode())


def test_a_deletion_behind_a_thousand_changes_of_one_second_is_told():
    clock = FakeClock()
    clock.now = lambda: datetime(2026, 3, 11, tzinfo=UTC)  # type: ignore[method-assign]
    company = Company("https://x", "1", OneSecond(), Signer(["t"]), NoPace(), clock)
    changes = company.changes(["Invoice"], datetime(2026, 3, 10, 12, tzinfo=UTC))
    assert len(changes.objects["Invoice"]) == 1201
    assert changes.objects["Invoice"][-1]["status"] == "Deleted"


def test_changes_of_more_than_thirty_days_ago_are_not_told(desk):
    with pytest.raises(WindowTooOldError):
        desk.company.changes(["Invoice"], datetime.now(UTC) - timedelta(days=31))


class Scripted:
    """Answers with the next of some bodies."""

    def __init__(self, *bodies: bytes | Exception) -> None:
        self.bodies = list(bodies)

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        if isinstance(body, Exception):
            raise body
        return Reply(200, {}, body)


def scripted(*bodies: bytes | Exception) -> Company:
    return Company("https://x", "1", Scripted(*bodies), Signer(["t"]), NoPace(), FakeClock())


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"Invoice": []}', b'{"Invoice": {"Id": ""}}', b'{"Customer": {"Id": "1"}}',
     b'{"Invoice": {"Id": "6"}}', b'{"Invoice": {"Id": "5"', b"null", b""],
)  # fmt: skip
def test_an_answer_that_does_not_say_posted_is_unknown(body):
    call = Call("update", "Invoice", {"Id": "5", "SyncToken": "0"}, "r")
    assert scripted(body).write(call).outcome == "unknown"
    assert scripted(body).write_batch([call], "b")[0].outcome == "unknown"


@pytest.mark.parametrize("time", ['"yesterday"', "12", '"2026-01-01T00:00:00"', "null"])
def test_an_odd_time_does_not_lose_a_posted_answer(time):
    body = b'{"Invoice": {"Id": "5"}, "time": %s}' % time.encode()
    company = scripted(body)
    assert company.write(Call("create", "Invoice", {}, "r")).outcome == "posted"
    assert company.server_time is None


@pytest.mark.parametrize("body", [b"{}", b'{"QueryResponse": 1}', b'{"CDCResponse": []}'])
def test_a_read_without_sense_is_temporary(body):
    with pytest.raises(TemporaryError):
        scripted(body).preferences()
    with pytest.raises(TemporaryError):
        scripted(body).changes(["Invoice"], datetime.now(UTC))


def test_a_fault_within_the_changes_is_not_taken_for_no_change():
    body = b'{"CDCResponse": [{"QueryResponse": [{"Fault": {"Error": [{"code": "4002"}]}}]}],'
    with pytest.raises(TemporaryError):
        scripted(body + b'"time": "2026-01-01T00:00:00Z"}').changes(["Invoice"], datetime.now(UTC))


def test_what_was_not_sent_is_tried_again_and_not_counted():
    company = scripted(NotSent("refused"), b'{"Invoice": {"Id": "5"}}')
    assert company.write(Call("create", "Invoice", {}, "r")).outcome == "posted"
    assert company.requests == 1
    assert (
        scripted(NotSent("refused")).write(Call("create", "Invoice", {}, "r")).outcome == "not_sent"
    )


def test_the_pace_never_lets_eleven_into_a_second_nor_forty_one_batches_into_a_minute():
    clock = FakeClock()
    pace = Pace(clock)
    entered = []
    for _ in range(45):
        with pace.slot(is_batch=True):
            entered.append(clock.at)
            clock.at += 0.05
    assert all(b - a >= 1.0 for a, b in zip(entered, entered[10:], strict=False))
    assert entered[40] - entered[0] >= 60.0


def test_a_slow_request_counts_until_a_second_after_its_answer():
    """QuickBooks counts when it arrives, which is some time between sending and answer."""
    clock = FakeClock()
    pace = Pace(clock, per_second=1)
    with pace.slot():
        clock.at += 5.0
    with pace.slot():
        assert clock.at >= 6.0


def test_nobody_sends_while_quickbooks_asked_for_a_pause():
    clock = FakeClock()
    pace = Pace(clock)
    pace.pause(60.0)
    with pace.slot():
        assert clock.at == 60.0


def test_at_most_ten_are_in_flight():
    pace, inside, most = NoPace(), [], []
    lock = threading.Lock()
    full = threading.Event()

    def one() -> None:
        with pace.slot():
            with lock:
                inside.append(1)
                most.append(len(inside))
                if len(inside) == 10:
                    full.set()
            full.wait(10)
            with lock:
                inside.pop()

    threads = [threading.Thread(target=one) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 10
