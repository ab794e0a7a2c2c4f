"""What the cassettes show: our client's main exchanges with QuickBooks, one scene each.

The scenes are the same for recording and replaying, and their bodies come from the planner:
a cassette shows what is really sent, and replays only as long as that stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from qbosync.blob import TokenBlob
from qbosync.key import Action, Entity, Key
from qbosync.operation import Operation, request_id
from qbosync.qbo.client import Answer, Call, Changes, Company
from qbosync.qbo.limits import NoPace
from qbosync.qbo.oauth import Endpoints, discover, exchange
from qbosync.qbo.query import is_in
from qbosync.qbo.session import Session
from qbosync.qbo.transport import HttpTransport
from qbosync.wire import create_body, update_body
from tests.builders import business, customer, line, order, payment, pays, planned, remembered

REALM = "REALM"
SCRUBBED = "SCRUBBED"
BEGIN = 1_780_000_000
CLIENT_ID = "CANARYCLIENTID"
CLIENT_SECRET = "CANARYCLIENTSECRET"
REDIRECT = "http://localhost:8765/callback"


class StoppedClock:
    """A client's clock at the emulator's first moment; nobody waits by it."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(BEGIN, UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a cassette has nothing to wait {seconds} seconds for")


@dataclass
class Pocket:
    """A keeper of tokens that forgets them with the process."""

    blob: TokenBlob = field(
        default_factory=lambda: TokenBlob(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    )

    def load(self) -> TokenBlob:
        return self.blob

    def save(self, blob: TokenBlob) -> None:
        self.blob = blob


@dataclass
class Stage:
    """Our client in front of a company: the emulator's when recording, none when replaying."""

    url: str
    realm_id: str = REALM
    code: str = SCRUBBED
    access_token: str = SCRUBBED
    keeper: Pocket = field(default_factory=Pocket)
    clock: StoppedClock = field(default_factory=StoppedClock)

    def __post_init__(self) -> None:
        self.transport = HttpTransport(self.clock, allow_loopback_http=True)
        self.endpoints = Endpoints(
            f"{self.url}/connect/oauth2",
            f"{self.url}/oauth2/v1/tokens/bearer",
            f"{self.url}/v2/oauth2/tokens/revoke",
            self.url,
        )

    def session(self) -> Session:
        return Session(self.endpoints, self.keeper, self.transport, self.clock)

    @property
    def company(self) -> Company:
        """The company, signed in to by a scene before."""
        signer = _Signer(self.access_token)
        return Company(self.url, self.realm_id, self.transport, signer, NoPace(), self.clock)


@dataclass(frozen=True)
class _Signer:
    """A token that an earlier scene got."""

    token: str

    def access_token(self) -> str:
        return self.token

    def refresh(self, stale: str) -> str:
        raise AssertionError("no cassette shows a token that died")


# What is sent: the planner's own bodies ----------------------------------------------------

BUYER = customer(email="office@birchwood.example", terms_days=30)
LINES = (line("80.00", "1", qty=Decimal(4)), line("20.00", "2", description="Drawer"))
ORDERED = order(total="106.00", tax=Decimal("6.00"), lines=LINES, name="Mill Road kitchen")
SHIPPED = order(
    status="shipped", total="106.00", tax=Decimal("6.00"), lines=LINES, name="Mill Road kitchen"
)
DEPOSIT = payment("77", "40.00", pays("order:1042", "40.00"), method="")
IDS = {
    Entity.CUSTOMER: "1",
    Entity.ESTIMATE: "1",
    Entity.PAYMENT: "2",
    Entity.INVOICE: "3",
    Entity.TERM: "3",
    Entity.ITEM: "2",
}
"""QuickBooks' Ids in the recording, which counts in the order of the scenes."""
TAX_ITEM = "3"


def id_of(key: Key) -> str:
    """The Id that the recording knows an object under."""
    return TAX_ITEM if key.id == "sales tax" else IDS[key.entity]


def operations() -> dict[tuple[Action, Entity], Operation]:
    """All that becomes of an order with a deposit: it is ordered, and shipped days later."""
    ordered, shipped = business(BUYER, ORDERED, DEPOSIT), business(BUYER, SHIPPED, DEPOSIT)
    first = planned(ordered).operations
    later = planned(shipped, memory=remembered(ordered)).operations
    return {(op.action, op.key.entity): op for op in first + later}


def call(action: Action, entity: Entity, current: Mapping[str, Any] | None = None) -> Call:
    """The write that the planner makes of the story."""
    operation = operations()[action, entity]
    if current is None:
        body = create_body(operation.draft, id_of)
    else:
        body = update_body(operation, dict(current), id_of)
    number = request_id("emulator", REALM, operation.key, action, 0, body)
    return Call(action.value, entity.value, body, number)


# The scenes --------------------------------------------------------------------------------


def sign_in(stage: Stage) -> Stage:
    """Discovery, and the code of a sign-in becomes tokens."""
    endpoints = discover(stage.url, stage.transport)
    tokens = exchange(
        endpoints, CLIENT_ID, CLIENT_SECRET, stage.code, REDIRECT, stage.transport, stage.clock
    )
    stage.session().start(tokens)
    stage.access_token = tokens.access_token
    return stage


def refresh(stage: Stage) -> str:
    """A run begins: the refresh token becomes an access token."""
    if not stage.keeper.blob.refresh_token:
        stage.keeper.save(TokenBlob(SCRUBBED, "", CLIENT_ID, CLIENT_SECRET))
    stage.access_token = stage.session().access_token()
    return stage.access_token


def preferences(stage: Stage) -> dict[str, Any]:
    """The company's settings."""
    return stage.company.preferences()


def query_customers(stage: Stage) -> list[dict[str, Any]]:
    """Who is there already, by name; with a quote and an umlaut."""
    where = is_in("DisplayName", ["Birchwood Homes", "O'Hara & Söhne"])
    return list(stage.company.select("Customer", f"{where} AND Active IN (true, false)"))


def create_customer(stage: Stage) -> Answer:
    """A customer, when the first document needs one."""
    return stage.company.write(call(Action.CREATE, Entity.CUSTOMER))


def create_estimate(stage: Stage) -> Answer:
    """An order becomes an estimate."""
    return stage.company.write(call(Action.CREATE, Entity.ESTIMATE))


def receive_payment(stage: Stage) -> Answer:
    """A deposit, before there is an invoice: it waits."""
    return stage.company.write(call(Action.CREATE, Entity.PAYMENT))


def convert_to_invoice(stage: Stage) -> Answer:
    """The order is charged: an invoice, linked to its estimate."""
    return stage.company.write(call(Action.CREATE, Entity.INVOICE))


def apply_payment(stage: Stage) -> Answer:
    """The deposit is applied to the invoice: a sparse update, with a fresh SyncToken."""
    company = stage.company
    payment_id = IDS[Entity.PAYMENT]
    current = company.read("Payment", [payment_id])[payment_id]
    return company.write(call(Action.UPDATE, Entity.PAYMENT, current))


def number_taken(stage: Stage) -> Answer:
    """A second estimate under the same number: refused, with the name of the first."""
    first = call(Action.CREATE, Entity.ESTIMATE)
    other = {**first.body, "PrivateNote": "[qbosync main order:1043]"}
    return stage.company.write(Call("create", "Estimate", other, "q1another"))


def batch(stage: Stage) -> list[Answer]:
    """Three writes in one request; the one whose name is taken is refused alone."""
    calls = [
        Call("create", "Customer", {"DisplayName": name}, f"q1{number}")
        for number, name in enumerate(("Harrow Cabinet Works", "Birchwood Homes", "Retail"))
    ]
    return stage.company.write_batch(calls, "b1")


def changes(stage: Stage) -> Changes:
    """What changed since the last run, all kinds in one read."""
    since = stage.clock.now() - timedelta(hours=2)
    return stage.company.changes(("Estimate", "Invoice", "Payment"), since)


Scene = Callable[[Stage], Any]
SCENES: dict[str, Scene] = {
    "sign-in": sign_in,
    "refresh": refresh,
    "preferences": preferences,
    "create-customer": create_customer,
    "query-customers": query_customers,
    "create-estimate": create_estimate,
    "receive-payment": receive_payment,
    "convert-to-invoice": convert_to_invoice,
    "apply-payment": apply_payment,
    "number-taken": number_taken,
    "batch": batch,
    "changes": changes,
}
"""In the order in which they are recorded: a later one speaks of what an earlier one made."""
