"""Questions about documents: estimates and their invoices, numbers, names, lines."""

from __future__ import annotations

from datetime import UTC, datetime

from qbosync.probe.question import Said, question
from qbosync.probe.stage import CannotAskError, Stage, links, told, versions
from qbosync.qbo.client import Body


def _converted(stage: Stage, letter: str) -> tuple[Body, Body]:
    """An estimate and the invoice made of it."""
    estimate = stage.make("Estimate", stage.sale(letter, "70.00"))
    return estimate, stage.make("Invoice", _linking(stage, letter, estimate))


def _linking(stage: Stage, letter: str, estimate: Body) -> Body:
    link = [{"TxnId": estimate["Id"], "TxnType": "Estimate"}]
    return stage.sale(letter, "70.00", LinkedTxn=link)


@question(
    "a",
    "Status of an estimate after its invoice is made, voided, deleted",
    "Converted, Pending, Pending",
    "estimate-status=Converted, estimate-after=previous",
)
def estimate_status(stage: Stage) -> Said:
    seen: list[str] = []
    for action in ("void", "delete"):
        estimate, invoice = _converted(stage, "a")
        if not seen:
            seen.append(str(stage.get("Estimate", estimate)["TxnStatus"]))
        token = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}
        stage.make("Invoice", token, action)
        seen.append(str(stage.get("Estimate", estimate)["TxnStatus"]))
    return Said(", ".join(seen))


@question("b", "An invoice links an estimate that has one already", "made without the link")
def second_link(stage: Stage) -> Said:
    estimate, _ = _converted(stage, "b")
    answer = stage.write("create", "Invoice", _linking(stage, "b", estimate))
    if answer.object is None:
        return Said(told(answer), answer.reason)
    is_linked = bool(links(answer.object, "Estimate"))
    return Said("made with the link" if is_linked else "made without the link")


@question(
    "c",
    "A request id again: same body; other body; after a refusal",
    "same object; same object; made",
    "requestid-retention=forever, requestid-faults=forgotten",
)
def request_id(stage: Stage) -> Said:
    known = f"probe-{stage.stamp}-c"
    first = stage.write("create", "Invoice", stage.sale("c", "5.00"), known)
    if first.object is None:
        raise CannotAskError(f"the invoice was {told(first)}")
    seen = []
    for amount in ("5.00", "6.00"):
        answer = stage.write("create", "Invoice", stage.sale("c", amount), known)
        is_same = answer.object is not None and answer.object["Id"] == first.object["Id"]
        seen.append("same object" if is_same else told(answer))
    wrong = {**stage.sale("c", "5.00"), "CustomerRef": {"value": "999999999"}}
    stage.write("create", "Invoice", wrong, f"{known}2")
    seen.append(told(stage.write("create", "Invoice", stage.sale("c", "5.00"), f"{known}2")))
    return Said("; ".join(seen), _retention(stage))


def _retention(stage: Stage) -> str:
    """Send an earlier run's first request again: its customer's name makes that harmless."""
    earlier = list(stage.company.select("Customer", "DisplayName LIKE 'Probe % retention'"))
    stage.make_retained()
    if not earlier:
        return "run the probe again another day to learn how long an id is remembered"
    oldest = earlier[0]
    stamp = str(oldest["DisplayName"]).split()[1]
    made_at = datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    age = stage.clock.now() - made_at
    body = {"DisplayName": oldest["DisplayName"]}
    answer = stage.write("create", "Customer", body, f"probe-{stamp}-retention")
    is_same = answer.object is not None and answer.object["Id"] == oldest["Id"]
    hours = int(age.total_seconds() // 3600)
    return f"an id of {hours} h ago is {'remembered' if is_same else 'forgotten'}"


@question(
    "d",
    "A number sent while QuickBooks numbers by itself",
    "stored",
    "number-when-automatic=stored",
)
def number_when_automatic(stage: Stage) -> Said:
    if stage.is_on("SalesFormsPrefs", "CustomTxnNumbers"):
        raise CannotAskError("switch custom transaction numbers off and run again")
    sent = f"P{stage.stamp[4:]}"
    made = stage.make("Invoice", stage.sale("d", "1.00", DocNumber=sent))
    return Said("stored" if made.get("DocNumber") == sent else "ignored")


@question("e", "Two estimates of one number", "refused 6140", "duplicate-number=custom")
def estimate_number(stage: Stage) -> Said:
    if not stage.is_on("SalesFormsPrefs", "CustomTxnNumbers"):
        raise CannotAskError("switch custom transaction numbers on and run again")
    body = stage.sale("e", "1.00", DocNumber=f"P{stage.stamp[4:]}")
    stage.make("Estimate", body)
    answer = stage.write("create", "Estimate", body)
    return Said(told(answer), "holds for `Warn if duplicate number is used` as it stands")


@question(
    "i",
    "A customer's name in capitals; for a vendor; after it was made inactive",
    "refused 6240; refused 6240; made",
    "duplicate-name-id=no",
)
def names(stage: Stage) -> Said:
    name = stage.name("i")
    capitals = stage.write("create", "Customer", {"DisplayName": name.upper()})
    vendor = stage.write("create", "Vendor", {"DisplayName": name})
    stage.make("Customer", versions(stage.customers["i"], Active=False), "update")
    again = stage.write("create", "Customer", {"DisplayName": name})
    note = vendor.fault.detail if vendor.fault else ""
    return Said("; ".join(map(told, (capitals, vendor, again))), note.replace(stage.stamp, "…"))


@question("j", "An invoice with a negative line; with a negative total", "made; refused 6000")
def negative(stage: Stage) -> Said:
    body = {**stage.owner("j"), "Line": [stage.line("10.00"), stage.line("-3.00")]}
    first = stage.write("create", "Invoice", body)
    second = stage.write("create", "Invoice", stage.sale("j", "-3.00"))
    return Said(f"{told(first)}; {told(second)}", second.fault.detail if second.fault else "")


@question("o", "A symbol beyond the basic plane in a note", "kept")
def symbol(stage: Stage) -> Said:
    text = "saw \N{CARPENTRY SAW}, hammer \N{HAMMER}"
    answer = stage.write("create", "Invoice", stage.sale("o", "1.00", PrivateNote=text))
    if answer.object is None:
        return Said(told(answer), answer.reason)
    kept = stage.get("Invoice", answer.object).get("PrivateNote")
    return Said("kept" if kept == text else "changed", "" if kept == text else str(kept))


@question(
    "q",
    "A full update of an invoice that does not name its estimate",
    "unlinked",
    "full-update-unlinks=yes",
)
def full_update(stage: Stage) -> Said:
    _, invoice = _converted(stage, "q")
    body = stage.sale("q", "70.00", Id=invoice["Id"], SyncToken=invoice["SyncToken"])
    after = stage.make("Invoice", body, "update")
    return Said("linked" if links(after, "Estimate") else "unlinked")
