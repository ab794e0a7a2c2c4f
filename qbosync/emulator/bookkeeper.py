"""A person at the screen, acting behind the client's back.

The bookkeeper's hand is not held back as the API's is: closed books and deposited payments can be
changed.  Every action is one operation with all its consequences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import catalogue, faults, journal, links
from .company import Company
from .entities import ENTITIES
from .forms import form_of
from .info import ENDED
from .jsons import Json, dumps, loads
from .provenance import ASSUMED, DOCUMENTED, REPORTED, rule
from .store import Record

rule(
    "a merged customer's documents move to the other, the record is gone", REPORTED, "webhooks, CDC"
)
rule(
    "an expense to Accounts Receivable uses up a payment once it is ticked in it, as a line of the"
    " type Expense",
    DOCUMENTED,
    "help: refund a customer's overpayment",
)
rule(
    "the bookkeeper may write into closed books and deposits", ASSUMED, "the screen asks a password"
)

Action = Callable[[Company, Json], Any]


def act(company: Company, body: Any) -> Json:
    """Do what the bookkeeper does; answers the object it touched.

    Raises:
        ValueError: With a sentence, for an action or object that is not there.
    """
    action = ACTIONS.get(str(body.get("action"))) if isinstance(body, dict) else None
    if action is None:
        raise ValueError(f"action is one of {', '.join(ACTIONS)}")
    company.unlocked = True
    company.now = company.clock.now()
    try:
        result = company.operate(lambda: action(company, body))
    except faults.QboFault as fault:
        raise ValueError(fault.errors[0][2]) from None
    except KeyError as missing:
        raise ValueError(f"{body['action']} needs {missing}") from None
    finally:
        company.unlocked = False
    if isinstance(result, Record):
        if result.id in company.store.records[result.entity.name]:
            shown: Json = loads(company.text_of(result))
            return {result.entity.name: shown}
        return {result.entity.name: {"Id": str(result.id), "status": "Deleted"}}
    return {"done": body["action"]}


def _record(company: Company, body: Json) -> Record:
    entity = str(body["entity"])
    known = next((e for e in ENTITIES if e.lower() == entity.lower()), None)
    if known is None:
        raise ValueError(f"there is no entity {entity!r}")
    if "id" in body:
        found = company.find(known, body["id"])
    elif "number" in body:
        numbered = company.store.numbered(known, str(body["number"])).values()
        found = next(iter(numbered), None)
    elif "name" in body:
        found = company.store.named(ENTITIES[known], str(body["name"]))
    else:
        raise ValueError("say which one: id, number or name")
    if found is None:
        raise ValueError(f"there is no such {known}")
    return found


def _sent(record: Record, **values: Any) -> Json:
    token = record.read()["SyncToken"]
    sent = {"Id": str(record.id), "SyncToken": token, "sparse": True, **values}
    return catalogue.tidy(record.entity.name, loads(dumps(sent)))


def _update(company: Company, record: Record, **values: Any) -> Record:
    return form_of(record.entity.name).update(company, _sent(record, **values))


def _void(company: Company, body: Json) -> Record:
    record = _record(company, body)
    return form_of(record.entity.name).void(company, _sent(record))


def _delete(company: Company, body: Json) -> Record:
    record = _record(company, body)
    return form_of(record.entity.name).delete(company, _sent(record))


def _edit(company: Company, body: Json) -> Record:
    """Lay `values` over an object."""
    return _update(company, _record(company, body), **body["values"])


def _edit_line(company: Company, body: Json) -> Record:
    """Change one line: `line` from 1, `values` laid over it; Amount wins over quantity."""
    record = _record(company, body)
    lines: list[Json] = [
        dict(line)
        for line in loads(record.text)["Line"]
        if line["DetailType"] != "SubTotalLineDetail"
    ]
    at = int(body["line"]) - 1
    if not 0 <= at < len(lines):
        raise ValueError("there is no such line")
    lines[at].update(body["values"])
    detail = lines[at].get("SalesItemLineDetail")
    if detail and "Amount" in body["values"]:
        detail.pop("Qty", None)
        detail.pop("UnitPrice", None)
    for line in lines:
        line.pop("CustomExtensions", None)
    return _update(company, record, Line=lines)


def _create(company: Company, body: Json) -> Record:
    entity = str(body["entity"])
    if entity not in ENTITIES:
        raise ValueError(f"there is no entity {entity!r}")
    sent = catalogue.tidy(entity, loads(dumps(body["values"])))
    return form_of(entity).create(company, sent)


def _deposit(company: Company, body: Json) -> Record:
    """Put payments (`ids`, or `id`) on a deposit to `account` (a name; Checking unless told)."""
    account = company.store.named(ENTITIES["Account"], str(body.get("account", "Checking")))
    if account is None:
        raise ValueError("there is no such account")
    numbers = body.get("ids") or [body["id"]]
    lines = []
    for number in numbers:
        payment = company.find("Payment", number)
        if payment is None:
            raise ValueError(f"there is no payment {number}")
        link = {"TxnId": str(number), "TxnType": "Payment", "TxnLineId": "0"}
        lines.append({"Amount": payment.total, "LinkedTxn": [link]})
    sent: Json = {"DepositToAccountRef": {"value": str(account.id)}, "Line": lines}
    if "date" in body:
        sent["TxnDate"] = str(body["date"])
    return form_of("Deposit").create(company, sent)


def _rename(company: Company, body: Json) -> Record:
    record = _record(company, {"entity": "Customer", **body})
    field = record.entity.name_field
    return _update(company, record, **{field: str(body["to"])})


def _active(company: Company, body: Json, *, active: bool) -> Record:
    return _update(company, _record(company, {"entity": "Customer", **body}), Active=active)


def _merge(company: Company, body: Json) -> Record:
    """Merge customer `id` into customer `into`."""
    gone = _record(company, {"entity": "Customer", **body})
    into = company.find("Customer", body["into"])
    if into is None or into is gone:
        raise ValueError("there is no such customer to merge into")
    for record in list(company.store.of_customer.get(gone.id, {}).values()):
        company.touch(record)["CustomerRef"] = company.ref(into)
    company.remove(gone)
    company.touch(into)
    return into


def _status(company: Company, body: Json, status: str) -> Record:
    return _update(company, _record(company, {"entity": "Estimate", **body}), TxnStatus=status)


def _convert(company: Company, body: Json) -> Record:
    """Make an invoice of an estimate, as the screen does."""
    estimate = _record(company, {"entity": "Estimate", **body})
    facts = estimate.read()
    lines = [
        {k: v for k, v in line.items() if k not in ("Id", "LineNum", "CustomExtensions")}
        for line in facts["Line"]
        if line["DetailType"] != "SubTotalLineDetail"
    ]
    sent: Json = {
        "CustomerRef": facts["CustomerRef"],
        "Line": lines,
        "LinkedTxn": [{"TxnId": str(estimate.id), "TxnType": "Estimate"}],
    }
    return form_of("Invoice").create(company, sent)


def _apply(company: Company, body: Json) -> Record:
    """Apply payment `id` to `invoice`, as much as both have."""
    payment = _record(company, {"entity": "Payment", **body})
    invoice = company.find("Invoice", body["invoice"])
    if invoice is None:
        raise ValueError("there is no such invoice")
    facts = payment.read()
    amount = min(facts["UnappliedAmt"], invoice.read()["Balance"])
    if amount > 0:
        lines = [*links.lines_of(facts), ("Invoice", str(invoice.id), amount)]
        links.set_lines(company, payment, lines)
    return payment


def _unapply(company: Company, body: Json) -> Record:
    payment = _record(company, {"entity": "Payment", **body})
    links.set_lines(company, payment, [])
    return payment


def _pay_back(company: Company, body: Json) -> Record:
    """Give a payment's money back: an expense from the bank to Accounts Receivable, with the
    customer as payee, that is ticked in payment `id` in place of its invoices."""
    payment = _record(company, {"entity": "Payment", **body})
    facts = payment.read()
    bank = company.store.named(ENTITIES["Account"], str(body.get("account", "Checking")))
    if bank is None:
        raise ValueError("there is no such account")
    owed = {"AccountRef": {"value": str(journal.receivable(company))}}
    line = {
        "Amount": facts["TotalAmt"],
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": owed,
    }
    sent: Json = {
        "PaymentType": "Check",
        "AccountRef": {"value": str(bank.id)},
        "EntityRef": {**facts["CustomerRef"], "type": "Customer"},
        "Line": [line],
    }
    if "date" in body:
        sent["TxnDate"] = str(body["date"])
    expense = form_of("Purchase").create(company, sent)
    links.set_lines(company, payment, [("Expense", str(expense.id), facts["TotalAmt"])])
    return expense


def _close(company: Company, body: Json) -> None:
    company.set_preferences({"AccountingInfoPrefs": {"BookCloseDate": str(body["date"])}})


def _open(company: Company, body: Json) -> None:
    company.set_preferences({"AccountingInfoPrefs": {"BookCloseDate": None}})


def _subscribe(company: Company, body: Json) -> None:
    """`status` PAID, TRIAL or EXPIRED; an expired company is read but not written."""
    status = str(body["status"])
    if status not in ("PAID", "TRIAL", ENDED):
        raise ValueError("status is PAID, TRIAL or EXPIRED")
    company.subscription = status
    company.preferences_moved = True


def _prefer(company: Company, body: Json) -> None:
    company.set_preferences(body["values"])


ACTIONS: dict[str, Action] = {
    "void": _void,
    "delete": _delete,
    "edit": _edit,
    "edit_line": _edit_line,
    "create": _create,
    "deposit": _deposit,
    "rename": _rename,
    "merge": _merge,
    "deactivate": lambda company, body: _active(company, body, active=False),
    "activate": lambda company, body: _active(company, body, active=True),
    "close_books": _close,
    "open_books": _open,
    "reject_estimate": lambda company, body: _status(company, body, "Rejected"),
    "accept_estimate": lambda company, body: _status(company, body, "Accepted"),
    "close_estimate": lambda company, body: _status(company, body, "Closed"),
    "convert_estimate": _convert,
    "apply_payment": _apply,
    "unapply_payment": _unapply,
    "pay_back": _pay_back,
    "subscription": _subscribe,
    "preferences": _prefer,
}
