"""`python-quickbooks` and `intuit-oauth` from PyPI, unmodified, told only where QuickBooks is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qbosync.emulator import Emulator, Server, VirtualClock

from .company import BACK, OFF, REALM, code_of, come_back, prefer

why = "python-quickbooks is not installed: pip install -e .[clients]"
quickbooks = pytest.importorskip("quickbooks", reason=why)
intuitlib = pytest.importorskip("intuitlib.client", reason=why)

from intuitlib.enums import Scopes  # noqa: E402
from intuitlib.exceptions import AuthClientError  # noqa: E402
from quickbooks import exceptions, objects  # noqa: E402
from quickbooks.batch import batch_create, batch_delete, batch_update  # noqa: E402
from quickbooks.cdc import change_data_capture  # noqa: E402
from quickbooks.objects.base import Address, EmailAddress, LinkedTxn, Ref  # noqa: E402
from quickbooks.objects.companycurrency import CompanyCurrency  # noqa: E402, F401
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail  # noqa: E402
from quickbooks.objects.trackingclass import Class  # noqa: E402

# Warnings of other people's packages are theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def server() -> Iterator[Server]:
    """A company whose time stands still, its books checked at each step."""
    with Server(emulator=Emulator(clock=VirtualClock(), seed=1, paranoid=True)) as running:
        prefer(running.url, OFF)
        yield running


@pytest.fixture
def auth(server: Server) -> Any:
    """Intuit's own sign-in client, signed in."""
    where = f"{server.url}/.well-known/openid_configuration"
    client = intuitlib.AuthClient("their-app", "secret", BACK, where)
    landed = come_back(client.get_authorization_url([Scopes.ACCOUNTING]))
    client.get_bearer_token(code_of(landed), realm_id=REALM)
    return client


@pytest.fixture
def qb(server: Server, auth: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The accounting client."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setattr(quickbooks.QuickBooks, "api_url_v3", f"{server.url}/v3")
    return quickbooks.QuickBooks(
        auth_client=auth, refresh_token=auth.refresh_token, company_id=REALM, minorversion=75
    )


def customer(qb: Any, name: str = "Acme Kitchens") -> Any:
    made = objects.Customer()
    made.DisplayName = name
    return made.save(qb=qb)


def line(amount: Any) -> Any:
    made = SalesItemLine()
    made.Amount = amount
    made.SalesItemLineDetail = SalesItemLineDetail()
    made.SalesItemLineDetail.ItemRef = Ref()
    made.SalesItemLineDetail.ItemRef.value = "1"
    made.SalesItemLineDetail.TaxCodeRef = Ref()
    made.SalesItemLineDetail.TaxCodeRef.value = "NON"
    return made


def sale(qb: Any, kind: Any, owner: Any, amount: Any = 100, **values: Any) -> Any:
    made = kind()
    made.CustomerRef = owner.to_ref()
    made.Line.append(line(amount))
    for name, value in values.items():
        setattr(made, name, value)
    return made.save(qb=qb)


def paid(qb: Any, invoice: Any, amount: Any) -> Any:
    made = objects.Payment()
    made.TotalAmt = amount
    made.CustomerRef = invoice.CustomerRef
    part = objects.PaymentLine()
    part.Amount = amount
    to = LinkedTxn()
    to.TxnId, to.TxnType = invoice.Id, "Invoice"
    part.LinkedTxn.append(to)
    made.Line.append(part)
    return made.save(qb=qb)


# -- intuit-oauth ---------------------------------------------------------------------------------


def test_signing_in_refreshing_and_revoking(server: Server, auth: Any) -> None:
    assert auth.realm_id == REALM
    assert auth.expires_in == 3600
    assert auth.x_refresh_token_expires_in == 8726400
    first = auth.refresh_token
    server.emulator.clock.advance(90_000)
    auth.refresh()
    assert auth.refresh_token != first
    assert auth.get_user_info().status_code == 200
    assert auth.revoke() is True
    with pytest.raises(AuthClientError) as caught:
        auth.refresh()
    assert caught.value.status_code == 400
    assert "invalid_grant" in str(caught.value.content)


def test_an_expired_token_is_what_the_client_takes_for_one(server: Server, qb: Any) -> None:
    server.emulator.clock.advance(3601)
    with pytest.raises(exceptions.AuthorizationException):
        objects.Customer.all(qb=qb)


# -- create, read, update, delete -----------------------------------------------------------------

NAMED = {
    "Customer": (objects.Customer, "DisplayName"),
    "Vendor": (objects.Vendor, "DisplayName"),
    "Employee": (objects.Employee, "DisplayName"),
    "Item": (objects.Item, "Name"),
    "Account": (objects.Account, "Name"),
    "Term": (objects.Term, "Name"),
    "PaymentMethod": (objects.PaymentMethod, "Name"),
    "Department": (objects.Department, "Name"),
    "Class": (Class, "Name"),
}


def named(name: str) -> Any:
    kind, field = NAMED[name]
    made = kind()
    setattr(made, field, "First name")
    if name == "Item":
        made.Type, made.IncomeAccountRef = "Service", Ref()
        made.IncomeAccountRef.value = "1"
    if name == "Account":
        made.AccountType, made.AccountSubType = "Income", "SalesOfProductIncome"
    if name == "Term":
        made.DueDays = 7
    if name == "Employee":
        made.GivenName, made.FamilyName = "First", "name"
    return made


@pytest.mark.parametrize("name", NAMED)
def test_names_are_made_read_changed_and_made_inactive(qb: Any, name: str) -> None:
    kind, field = NAMED[name]
    made = named(name).save(qb=qb)
    again = kind.get(made.Id, qb=qb)
    assert getattr(again, field) == "First name"
    setattr(again, field, "Second name")
    changed = again.save(qb=qb)
    assert getattr(changed, field) == "Second name"
    assert changed.SyncToken == "1"
    changed.Active = False
    changed.save(qb=qb)
    assert kind.filter(**{field: "Second name"}, Active=True, qb=qb) == []
    assert made.Id in [one.Id for one in kind.where("Active IN (true, false)", qb=qb)]


SALES = ("Estimate", "Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt")


@pytest.mark.parametrize("name", SALES)
def test_sales_forms_are_made_read_changed_and_deleted(qb: Any, name: str) -> None:
    kind = getattr(objects, name)
    values = {"DepositToAccountRef": Ref()} if name == "RefundReceipt" else {}
    for ref in values.values():
        ref.value = "11"
    made = sale(qb, kind, customer(qb), 12.34, DocNumber="A-1", **values)
    again = kind.get(made.Id, qb=qb)
    assert (again.TotalAmt, again.DocNumber) == (12.34, "A-1")
    again.PrivateNote = "changed"
    assert again.save(qb=qb).PrivateNote == "changed"
    again = kind.get(made.Id, qb=qb)
    assert again.TotalAmt == 12.34
    again.delete(qb=qb)
    with pytest.raises(exceptions.ObjectNotFoundException):
        kind.get(made.Id, qb=qb)


def test_an_address_and_an_email_come_back(qb: Any) -> None:
    made = objects.Customer()
    made.DisplayName = "O'Hara & Sons"
    made.PrimaryEmailAddr, made.BillAddr = EmailAddress(), Address()
    made.PrimaryEmailAddr.Address = "books@example.com"
    made.BillAddr.Line1, made.BillAddr.City = "1 Main St", "Boise"
    made.save(qb=qb)
    [found] = objects.Customer.filter(DisplayName="O'Hara & Sons", qb=qb)
    assert found.PrimaryEmailAddr.Address == "books@example.com"
    assert found.BillAddr.City == "Boise"


def test_money_is_received_linked_deposited_and_voided(qb: Any) -> None:
    invoice = sale(qb, objects.Invoice, customer(qb))
    payment = paid(qb, invoice, 40)
    assert objects.Invoice.get(invoice.Id, qb=qb).Balance == 60
    objects.Payment.get(payment.Id, qb=qb).void(qb=qb)
    assert objects.Invoice.get(invoice.Id, qb=qb).Balance == 100
    objects.Payment.get(payment.Id, qb=qb).delete(qb=qb)
    second = paid(qb, objects.Invoice.get(invoice.Id, qb=qb), 100)
    deposit = objects.Deposit()
    deposit.DepositToAccountRef = Ref()
    deposit.DepositToAccountRef.value = "11"
    part = objects.DepositLine()
    part.Amount, part.DetailType = 100, "DepositLineDetail"
    to = LinkedTxn()
    to.TxnId, to.TxnType, to.TxnLineId = second.Id, "Payment", 0
    part.LinkedTxn.append(to)
    deposit.Line.append(part)
    made = deposit.save(qb=qb)
    assert objects.Deposit.get(made.Id, qb=qb).TotalAmt == 100
    deposited = objects.Payment.get(second.Id, qb=qb)
    deposited.PrivateNote = "too late"
    with pytest.raises(exceptions.QuickbooksException) as caught:
        deposited.save(qb=qb)
    assert caught.value.error_code == 6540


def test_an_invoice_is_linked_to_its_estimate_sent_and_voided(qb: Any) -> None:
    owner = customer(qb)
    estimate = sale(qb, objects.Estimate, owner)
    invoice = objects.Invoice()
    invoice.CustomerRef = owner.to_ref()
    invoice.Line.append(line(100))
    invoice.LinkedTxn.append(estimate.to_linked_txn())
    made = invoice.save(qb=qb)
    assert made.LinkedTxn[0].TxnId == estimate.Id
    assert objects.Estimate.get(estimate.Id, qb=qb).TxnStatus == "Converted"
    made.send(qb=qb, send_to="books@example.com")
    objects.Invoice.get(made.Id, qb=qb).void(qb=qb)
    voided = objects.Invoice.get(made.Id, qb=qb)
    assert (voided.TotalAmt, voided.PrivateNote) == (0, "Voided")


def plain(qb: Any, name: str) -> Any:
    """A document of the other side, with the least that makes sense."""
    vendor = objects.Vendor()
    vendor.DisplayName = "Hinge Supply"
    vendor = vendor.save(qb=qb)
    account = {"value": "9"}
    cost = {
        "Amount": 10,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": account},
    }
    sides = [
        {"Amount": 10, "DetailType": "JournalEntryLineDetail",
         "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": number}}}
        for side, number in (("Debit", "9"), ("Credit", "11"))
    ]  # fmt: skip
    values: dict[str, dict[str, Any]] = {
        "JournalEntry": {"Line": sides},
        "Bill": {"VendorRef": vendor.to_ref(), "Line": [cost]},
        "VendorCredit": {"VendorRef": vendor.to_ref(), "Line": [cost]},
        "PurchaseOrder": {"VendorRef": vendor.to_ref(), "Line": [cost]},
        "Purchase": {"PaymentType": "Cash", "AccountRef": {"value": "11"}, "Line": [cost]},
        "Transfer": {"FromAccountRef": {"value": "11"}, "ToAccountRef": {"value": "10"},
                     "Amount": 10},
        "Attachable": {"Note": "a note without a file"},
    }  # fmt: skip
    made = getattr(objects, name)()
    for field, value in values[name].items():
        setattr(made, field, value)
    return made.save(qb=qb)


OTHERS = ("JournalEntry", "Bill", "VendorCredit", "PurchaseOrder", "Purchase", "Transfer")


@pytest.mark.parametrize("name", [*OTHERS, "Attachable"])
def test_what_only_other_programs_need_is_a_plain_object(qb: Any, name: str) -> None:
    kind = getattr(objects, name)
    made = plain(qb, name)
    again = kind.get(made.Id, qb=qb)
    field = "Note" if name == "Attachable" else "PrivateNote"
    setattr(again, field, "changed")
    assert getattr(again.save(qb=qb), field) == "changed"
    assert [one.Id for one in kind.all(qb=qb)] == [made.Id]
    assert kind.count(qb=qb) == 1
    kind.get(made.Id, qb=qb).delete(qb=qb)
    assert kind.all(qb=qb) == []


def test_preferences_company_and_tax_codes_are_read(qb: Any) -> None:
    assert objects.Preferences.get(qb=qb).TaxPrefs.UsingSalesTax is False
    [info] = objects.CompanyInfo.all(qb=qb)
    assert info.CompanyName == "Sandbox Cabinet Shop"
    assert objects.TaxCode.all(qb=qb) is not None


# -- queries --------------------------------------------------------------------------------------


def test_lists_are_filtered_ordered_paged_and_counted(qb: Any) -> None:
    made = [customer(qb, f"Shop {n}") for n in range(5)]
    kind = objects.Customer
    assert kind.count(qb=qb) == 5
    assert kind.count("DisplayName LIKE 'Shop%'", qb=qb) == 5
    found = kind.all(order_by="DisplayName DESC", start_position=2, max_results=2, qb=qb)
    assert [one.DisplayName for one in found] == ["Shop 3", "Shop 2"]
    chosen = kind.choose(["Shop 1", "Shop 4"], field="DisplayName", qb=qb)
    assert {one.Id for one in chosen} == {made[1].Id, made[4].Id}
    where = kind.where("Active = True AND DisplayName LIKE 'Shop 2'", order_by="Id", qb=qb)
    assert [one.Id for one in where] == [made[2].Id]
    assert kind.query("SELECT * FROM Customer WHERE Id = '0'", qb=qb) == []
    assert [one.Name for one in objects.Item.all(qb=qb)] == ["Services"]


def test_a_wrong_query_is_a_validation_error(qb: Any) -> None:
    with pytest.raises(exceptions.ValidationException) as caught:
        objects.Customer.query("SELECT * FROM Customer WHERE Moon = '1'", qb=qb)
    assert caught.value.error_code == 4001


# -- batch, changes, request ids ------------------------------------------------------------------


def test_batches_create_update_and_delete(qb: Any) -> None:
    owners = []
    for n in range(3):
        one = objects.Customer()
        one.DisplayName = f"Batch {n}"
        owners.append(one)
    double = objects.Customer()
    double.DisplayName = "Batch 1"
    result = batch_create([*owners, double], qb=qb)
    assert len(result.successes) == 3
    assert result.faults[0].Error[0].code == "6240"
    for one in result.successes:
        one.CompanyName = "changed"
    assert len(batch_update(result.successes, qb=qb).successes) == 3
    invoices = [sale(qb, objects.Invoice, one) for one in result.successes]
    assert len(batch_delete(invoices, qb=qb).faults) == 0
    assert objects.Invoice.count(qb=qb) == 0


def test_changes_tell_what_was_made_and_what_was_deleted(server: Server, qb: Any) -> None:
    owner = customer(qb)
    invoice = sale(qb, objects.Invoice, owner)
    invoice.delete(qb=qb)
    since = datetime.fromtimestamp(server.emulator.now(), UTC) - timedelta(hours=1)
    changes = change_data_capture([objects.Customer, objects.Invoice], since.isoformat(), qb=qb)
    assert [one.DisplayName for one in changes.Customer] == ["Acme Kitchens"]
    assert [(one.Id, one.status) for one in changes.Invoice] == [(invoice.Id, "Deleted")]


def test_a_request_id_gives_the_same_object_again(qb: Any) -> None:
    owner = customer(qb)
    request_id = uuid.UUID(int=7).hex
    ids = set()
    for _ in range(2):
        made = objects.Invoice()
        made.CustomerRef = owner.to_ref()
        made.Line.append(line(5))
        ids.add(made.save(qb=qb, request_id=request_id).Id)
    assert len(ids) == 1
    assert objects.Invoice.count(qb=qb) == 1


def test_faults_become_the_clients_own_exceptions(qb: Any) -> None:
    customer(qb)
    with pytest.raises(exceptions.QuickbooksException) as caught:
        customer(qb)
    assert caught.value.error_code == 6240
    stale = objects.Customer.all(qb=qb)[0]
    stale.CompanyName = "one"
    stale.save(qb=qb)
    stale.CompanyName = "two"
    with pytest.raises(exceptions.QuickbooksException) as caught:
        stale.save(qb=qb)
    assert caught.value.error_code == 5010
