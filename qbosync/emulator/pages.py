"""Pages for people: the companies, and what is in one.  Plain HTML, everything escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from .http import Request, Response, html_response
from .store import Record

if TYPE_CHECKING:
    from .app import Emulator
    from .company import Company

STYLE = (
    "body{font:15px/1.4 sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:0 0 2em}td,th{padding:.2em .8em;text-align:left;"
    "border-bottom:1px solid #ddd}td.n{text-align:right;font-variant-numeric:tabular-nums}"
)
KINDS = ("Estimate", "Invoice", "CreditMemo", "Payment", "Deposit")
MOST = 500


def page(emulator: Emulator, request: Request) -> Response | None:
    """A page, or None if there is none at this path."""
    parts = request.path.strip("/").split("/")
    if parts == [""]:
        return html_response(_companies(emulator))
    if len(parts) == 2 and parts[0] == "company" and parts[1] in emulator.companies:
        return html_response(_company(emulator.companies[parts[1]]))
    return None


def _frame(title: str, body: str) -> str:
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><h1>{escape(title)}</h1>"
        f"{body}</html>"
    )


def _companies(emulator: Emulator) -> str:
    rows = "".join(
        f'<li><a href="/company/{escape(c.realm_id)}">{escape(c.name)}</a>'
        f" ({escape(c.environment)}, {escape(c.realm_id)})</li>"
        for c in emulator.companies.values()
    )
    return _frame("QuickBooks emulator", f"<ul>{rows}</ul>")


def _company(company: Company) -> str:
    parts = [_customers(company)]
    for kind in KINDS:
        parts.append(_documents(company, kind))
    return _frame(company.name, '<p><a href="/">All companies</a></p>' + "".join(parts))


def _table(title: str, heads: Iterable[str], rows: list[str]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    more = f"<p>The newest {MOST}.</p>" if len(rows) == MOST else ""
    return f"<h2>{escape(title)}</h2>{more}<table><tr>{head}</tr>{''.join(rows)}</table>"


def _customers(company: Company) -> str:
    records = sorted(company.store.all("Customer"), key=lambda r: r.name.lower())[:MOST]
    rows = [
        f'<tr id="Customer-{r.id}"><td>{r.id}</td><td>{escape(r.name)}</td>'
        f"<td class=n>{company.cents_open(r.id):.2f}</td></tr>"
        for r in records
    ]
    return _table("Customers", ("Id", "Name", "Balance"), rows)


def _documents(company: Company, kind: str) -> str:
    records = sorted(company.store.all(kind), key=lambda r: -r.moved)[:MOST]
    rows = [_row(company, kind, record) for record in records]
    return _table(
        f"{kind}s", ("Id", "Number", "Date", "Customer", "Total", "Open", "Linked to"), rows
    )


def _row(company: Company, kind: str, record: Record) -> str:
    from .predicate import peek

    body = peek(record)
    customer = company.store.get("Customer", record.customer)
    name = f'<a href="#Customer-{customer.id}">{escape(customer.name)}</a>' if customer else ""
    links = [*body.get("LinkedTxn", ())]
    if kind in ("Payment", "Deposit"):
        links += [one for line in body["Line"] for one in line.get("LinkedTxn", ())]
    shown = ", ".join(
        f'<a href="#{escape(one["TxnType"])}-{escape(one["TxnId"])}">'
        f"{escape(one['TxnType'])} {escape(one['TxnId'])}</a>"
        for one in links
    )
    left = body.get("Balance", body.get("UnappliedAmt", body.get("TxnStatus", "")))
    number = record.number or record.reference
    return (
        f'<tr id="{kind}-{record.id}"><td>{record.id}</td><td>{escape(number)}</td>'
        f"<td>{escape(record.date)}</td><td>{name}</td><td class=n>{record.total:.2f}</td>"
        f"<td class=n>{escape(str(left))}</td><td>{shown}</td></tr>"
    )
