"""Signing in and staying signed in: codes, rotation, and a keeper that may not keep."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from qbosync.blob import TokenBlob
from qbosync.emulator import Server
from qbosync.errors import SetupError, TemporaryError
from qbosync.qbo.listener import Grant, parse_redirect
from qbosync.qbo.oauth import (
    PRODUCTION,
    Endpoints,
    InvalidGrantError,
    Tokens,
    authorization_url,
    discover,
    exchange,
    refresh,
    revoke,
)
from qbosync.qbo.session import Session
from qbosync.qbo.transport import HttpTransport, Lost, NotSent, Reply, Request

REALM = "9341450000000001"
BACK = "http://localhost:8765/callback"


class Clock:
    def __init__(self) -> None:
        self.slept: list[float] = []
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Keeper:
    """Keeps, or refuses the saves whose number is in `bad`; notes what it was given."""

    def __init__(self, blob: TokenBlob, bad: set[int] | None = None) -> None:
        self.blob = blob
        self.bad = bad or set()
        self.saves = 0

    def load(self) -> TokenBlob:
        return self.blob

    def save(self, blob: TokenBlob) -> None:
        self.saves += 1
        if self.saves in self.bad:
            raise SetupError("The keyring is full.")
        self.blob = blob


class Desk:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.clock = Clock()
        self.transport = HttpTransport(self.clock, allow_loopback_http=True)
        self.ends = discover(server.url, self.transport)

    def code(self, choice: str = REALM, state: str = "s") -> str:
        """The address that the browser ends on."""
        url = authorization_url(self.ends, "id", BACK, state)
        answer = requests.get(f"{url}&approve={choice}", allow_redirects=False, timeout=5)
        return answer.headers["Location"]

    def exchange(self, code: str, secret: str = "CANARYSECRET") -> Tokens:
        return exchange(self.ends, "id", secret, code, BACK, self.transport, self.clock)

    def signed_in(self) -> tuple[Keeper, Session]:
        keeper = Keeper(TokenBlob())
        session = Session(self.ends, keeper, self.transport, self.clock)
        session.start(self.exchange(parse_redirect(self.code(), "s").code), "id", "CANARYSECRET")
        return keeper, session

    def later(self, hours: int) -> None:
        self.clock.ahead += timedelta(hours=hours)
        self.server.emulator.clock.advance(3600 * hours)

    def asked(self) -> int:
        return len([row for row in self.server.emulator.log if row["path"].endswith("/bearer")])


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Server(port=0, limits="off", seed=1) as server:
        yield Desk(server)


def test_the_address_asks_for_accounting_and_carries_the_state():
    url = authorization_url(PRODUCTION, "id", BACK, "st")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith("https://appcenter.intuit.com/connect/oauth2?")
    assert (asked["state"], asked["redirect_uri"], asked["response_type"]) == ("st", BACK, "code")
    assert asked["scope"] == "com.intuit.quickbooks.accounting"


def test_a_sign_in_gives_a_code_for_one_company_that_serves_once(desk):
    grant = parse_redirect(desk.code(), "s")
    assert grant.realm_id == REALM
    tokens = desk.exchange(grant.code)
    assert tokens.refresh_hard_expires_at and tokens.access_token
    with pytest.raises(InvalidGrantError):
        desk.exchange(grant.code)


def test_a_cancelled_sign_in_says_so(desk):
    with pytest.raises(SetupError, match="cancelled"):
        parse_redirect(desk.code("deny"), "s")


@pytest.mark.parametrize(
    "address",
    [
        f"{BACK}?code=c&state=other&realmId=1",
        f"{BACK}?code=c&realmId=1",
        f"{BACK}?code=c&state=s&state=s&realmId=1",
        f"{BACK}?code=c&state=s&realmId=12x",
        f"{BACK}?code=c&state=s",
        f"{BACK}?error=server_error&state=s",
        "http://[",
        "",
    ],
)
def test_an_address_of_another_sign_in_is_refused(address):
    with pytest.raises(SetupError):
        parse_redirect(address, "s")


def test_a_pasted_address_may_have_blanks_around_it():
    assert parse_redirect(f"  {BACK}?code=c&state=s&realmId=12\n", "s") == Grant("c", "12")


def test_a_wrong_secret_is_told_as_such(desk):
    desk.exchange(parse_redirect(desk.code(), "s").code)
    with pytest.raises(SetupError, match="client id and secret") as caught:
        desk.exchange(parse_redirect(desk.code(), "s").code, "CANARYWRONG")
    assert not isinstance(caught.value, InvalidGrantError)


def test_a_new_refresh_token_is_kept_before_it_is_used_and_the_old_one_beside_it(desk):
    keeper, session = desk.signed_in()
    old, token = keeper.blob.refresh_token, session.access_token()
    desk.later(25)
    assert session.access_token() != token
    assert keeper.blob.refresh_token != old
    assert keeper.blob.previous_refresh_token == old
    assert (keeper.blob.client_id, keeper.blob.client_secret) == ("id", "CANARYSECRET")
    assert keeper.blob.rotated_at and keeper.blob.idle_expires_at and keeper.blob.hard_expires_at


def test_nothing_is_asked_of_intuit_while_the_keeper_cannot_write(desk):
    keeper, _ = desk.signed_in()
    before = desk.asked()
    shut = Keeper(keeper.blob, bad={1})
    with pytest.raises(SetupError, match="full"):
        Session(desk.ends, shut, desk.transport, desk.clock).access_token()
    assert desk.asked() == before


def test_a_token_that_could_not_be_kept_is_kept_later_and_not_used_before(desk):
    keeper, _ = desk.signed_in()
    desk.later(25)
    keeper.saves, keeper.bad = 0, {2, 3, 4}
    session = Session(desk.ends, keeper, desk.transport, desk.clock)
    old = keeper.blob.refresh_token
    with pytest.raises(SetupError, match="full"):
        session.access_token()
    before = desk.asked()
    assert session.access_token() and keeper.blob.refresh_token != old
    assert desk.asked() == before, "the old token is dead by now"


def test_a_keyring_that_stumbles_once_loses_nothing(desk):
    keeper, session = desk.signed_in()
    desk.later(25)
    keeper.saves, keeper.bad = 0, {2}
    assert session.access_token()
    assert desk.clock.slept == [1.0]


def test_the_token_before_is_tried_once_when_the_newest_is_dead(desk):
    keeper, _ = desk.signed_in()
    living = keeper.blob.refresh_token
    keeper.blob = replace(keeper.blob, refresh_token="dead", previous_refresh_token=living)
    assert Session(desk.ends, keeper, desk.transport, desk.clock).access_token()
    assert keeper.blob.refresh_token == living
    keeper.blob = replace(keeper.blob, refresh_token="dead", previous_refresh_token="dead too")
    before = desk.asked()
    with pytest.raises(InvalidGrantError) as caught:
        Session(desk.ends, keeper, desk.transport, desk.clock).access_token()
    assert desk.asked() - before == 2 and "dead" not in str(caught.value)


def test_a_refused_token_is_asked_about_once_a_day_until_somebody_connects(desk):
    keeper, _ = desk.signed_in()
    revoke(desk.ends, "id", "CANARYSECRET", keeper.blob.refresh_token, desk.transport)
    before = desk.asked()
    for _ in range(36):  # three days of runs
        with pytest.raises(InvalidGrantError, match="no longer accepts"):
            Session(desk.ends, keeper, desk.transport, desk.clock).access_token()
        desk.later(2)
    assert desk.asked() - before == 3
    session = Session(desk.ends, keeper, desk.transport, desk.clock)
    session.start(desk.exchange(parse_redirect(desk.code(), "s").code), "id", "CANARYSECRET")
    assert keeper.blob.refused_at is None
    assert Session(desk.ends, keeper, desk.transport, desk.clock).access_token()


def test_a_clock_that_was_set_back_does_not_silence_the_question(desk):
    keeper, _ = desk.signed_in()
    keeper.blob = replace(keeper.blob, refused_at=desk.clock.now() + timedelta(days=300))
    assert Session(desk.ends, keeper, desk.transport, desk.clock).access_token()
    assert keeper.blob.refused_at is None


@pytest.mark.parametrize("hours", [-9000, 9000])
def test_a_clock_that_is_a_year_off_loses_no_connection(desk, hours):
    keeper, session = desk.signed_in()
    desk.clock.ahead = timedelta(hours=hours)
    assert Session(desk.ends, keeper, desk.transport, desk.clock).access_token()
    assert session.access_token()


def test_of_two_machines_with_one_connection_the_loser_is_told_of_the_other(desk):
    keeper, _ = desk.signed_in()
    copy = Keeper(keeper.blob)
    desk.later(25)
    assert Session(desk.ends, keeper, desk.transport, desk.clock).access_token()
    with pytest.raises(InvalidGrantError, match="another machine") as caught:
        Session(desk.ends, copy, desk.transport, desk.clock).access_token()
    assert "connect" in caught.value.todo and "one machine only" in caught.value.todo
    assert Session(desk.ends, keeper, desk.transport, desk.clock).access_token()


def test_a_person_who_left_the_company_is_named_as_the_cause(desk):
    keeper, _ = desk.signed_in()
    desk.server.emulator.oauth.remove_user(REALM)
    with pytest.raises(InvalidGrantError, match="no longer a user of the company"):
        Session(desk.ends, keeper, desk.transport, desk.clock).access_token()


@pytest.mark.parametrize(
    ("days", "words"), [(102, "about 100 days"), (5 * 365 + 2, "after five years")]
)
def test_a_connection_that_ended_by_its_age_says_so(desk, days, words):
    keeper, _ = desk.signed_in()
    desk.later(24 * days)
    with pytest.raises(InvalidGrantError, match=words):
        Session(desk.ends, keeper, desk.transport, desk.clock).access_token()


def test_without_a_token_there_is_no_connection(desk):
    session = Session(desk.ends, Keeper(TokenBlob()), desk.transport, desk.clock)
    with pytest.raises(SetupError, match="Not connected"):
        session.access_token()
    assert desk.asked() == 0


def test_one_of_many_threads_refreshes_and_the_others_wait(desk):
    _, session = desk.signed_in()
    stale, before, got = session.access_token(), desk.asked(), []
    threads = [
        threading.Thread(target=lambda: got.append(session.refresh(stale))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1 and stale not in got
    assert desk.asked() - before == 1


def test_a_revoked_company_is_closed_and_revoking_twice_is_fine(desk):
    keeper, session = desk.signed_in()
    token = keeper.blob.refresh_token
    for _ in range(2):
        revoke(desk.ends, "id", "CANARYSECRET", token, desk.transport)
    with pytest.raises(InvalidGrantError):
        session.refresh(session.access_token())


class Scripted:
    """A sign-in that answers as it is told."""

    def __init__(self, *answers: Reply | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def asks(*answers: Reply | Exception) -> Scripted:
    net = Scripted(*answers)
    refresh(PRODUCTION, "id", "secret", "CANARY", net, Clock())
    return net


GOOD = Reply(200, {}, b'{"access_token": "a", "refresh_token": "r", "expires_in": 3600}')


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(200, {}, b'{"access_token": "a", "refresh_to'), TemporaryError),
        (Reply(200, {}, b'{"refresh_token": "r"}'), TemporaryError),
        (Reply(200, {}, b'{"refresh_token": "r", "access_token": "a", "expires_in": "x"}'),
         TemporaryError),
        (Reply(302, {"Location": "https://evil/"}, b""), TemporaryError),
        (Reply(404, {}, b"<html>CANARY</html>"), TemporaryError),
        (Reply(429, {}, b""), TemporaryError),
        (Reply(503, {}, b'{"error": "x"}'), TemporaryError),
        (Reply(400, {}, b'{"error": {"CANARY": 1}}'), TemporaryError),
        (Reply(400, {}, b'{"error": "invalid_grant"}'), InvalidGrantError),
        (Reply(400, {}, b'{"error": "invalid_request"}'), SetupError),
        (Reply(401, {}, b'{"error": "invalid_client"}'), SetupError),
        (Lost("cut"), TemporaryError),
        (NotSent("refused"), TemporaryError),
    ],
)  # fmt: skip
def test_what_went_wrong_decides_who_must_act(answer, kind):
    with pytest.raises(kind) as caught:
        asks(answer)
    assert type(caught.value) is kind
    assert "CANARY" not in str(caught.value) + repr(caught.value)


def test_only_what_was_not_sent_is_asked_again():
    assert asks(NotSent("dns"), GOOD).asked == 2
    net = Scripted(Lost("cut"), GOOD)
    with pytest.raises(TemporaryError):
        refresh(PRODUCTION, "id", "secret", "t", net, Clock())
    assert net.asked == 1


def test_the_insecure_switch_of_oauthlib_changes_nothing(monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    plain = Endpoints("http://example.com/a", "http://example.com/t", "http://x", "http://x")
    with pytest.raises(Exception, match=r"(?i)secure"):
        authorization_url(plain, "id", BACK, "s")
    with pytest.raises(TemporaryError):
        refresh(plain, "id", "secret", "t", HttpTransport(Clock()), Clock())


@pytest.mark.parametrize(
    "body", [b"{}", b"<html>", b'{"authorization_endpoint": "http://127.0.0.1/a",'
             b' "token_endpoint": "https://evil/t", "revocation_endpoint": "http://127.0.0.1/r"}']
)  # fmt: skip
def test_an_emulator_sends_nobody_to_another_machine(body):
    with pytest.raises(SetupError, match="no QuickBooks emulator"):
        discover("http://127.0.0.1:8770", Scripted(Reply(200, {}, body)))


def test_no_token_is_in_any_repr_or_log(desk, caplog):
    caplog.set_level(logging.DEBUG)
    keeper, session = desk.signed_in()
    tokens = desk.exchange(parse_redirect(desk.code(), "s").code)
    secrets = [tokens.access_token, tokens.refresh_token, keeper.blob.refresh_token, "CANARYSECRET"]
    shown = [repr(x) for x in (tokens, keeper.blob, session, Grant("CANARYCODE", "1"), desk.ends)]
    text = "".join(shown) + caplog.text
    assert not [secret for secret in [*secrets, "CANARYCODE"] if secret in text]
