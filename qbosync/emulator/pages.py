"""Pages for people: which page is at which address, and the frame around all of them.

Everything is plain HTML from the server, usable without scripts.  What changes the books comes by
POST from a page of ours only, and goes through the bookkeeper as the control's actions do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import pages_action, pages_list, pages_object, pages_report, pages_settings
from .entities import BY_PATH
from .http import Request, Response, html_response, redirect
from .pages_html import Child, document, link, table, tag

if TYPE_CHECKING:
    from .app import Emulator
    from .company import Company

MENU = (
    ("customer", "Customers"),
    ("estimate", "Estimates"),
    ("invoice", "Invoices"),
    ("payment", "Payments"),
    ("creditmemo", "Credit memos"),
    ("deposit", "Deposits"),
    ("item", "Items"),
    ("account", "Accounts"),
    ("ageing", "A/R ageing"),
    ("journal", "Journal"),
    ("trial", "Trial balance"),
    ("settings", "Settings"),
)


def page(emulator: Emulator, request: Request) -> Response | None:
    """A page, or None if there is none at this path."""
    parts = request.path.strip("/").split("/")
    if parts == [""]:
        return html_response(_companies(emulator))
    company = emulator.companies.get(parts[1]) if parts[0] == "company" and parts[1:] else None
    if company is None:
        return None
    if request.method == "POST":
        return _act(company, request, parts[2:])
    return _show(company, request, parts[2:])


def _companies(emulator: Emulator) -> str:
    rows = [
        (link(f"/company/{c.realm_id}", c.name), c.environment, c.realm_id)
        for c in emulator.companies.values()
    ]
    note = tag("p", "A stand-in for QuickBooks Online on this machine; not Intuit, no real books.")
    return document(
        "QuickBooks emulator", None, [note, table(("Company", "Environment", "Realm id"), rows)]
    )


def _framed(company: Company, title: str, body: Child, said: Child = None) -> str:
    base = f"/company/{company.realm_id}"
    head = [
        tag("small", link("/", "All companies"), " · QuickBooks emulator · ", company.environment),
        tag("div", tag("strong", link(base, company.name)), " ", tag("small", company.realm_id)),
        tag(
            "nav",
            [
                tag("a", text, href=f"{base}/{to}", aria_current=_is_here(text, title))
                for to, text in MENU
            ],
        ),
    ]
    return document(title, head, [said, body])


def _is_here(entry: str, title: str) -> str | None:
    return "page" if entry == title else None


def _show(
    company: Company, request: Request, parts: list[str], wrong: str = "", status: int = 200
) -> Response | None:
    company.now = company.clock.now()
    found = _content(company, request, parts)
    if found is None:
        return None
    title, body = found
    said = tag("p", wrong, class_="wrong") if wrong else pages_action.said(request.query)
    return html_response(_framed(company, title, body, said), status)


def _content(company: Company, request: Request, parts: list[str]) -> tuple[str, Child] | None:
    match parts:
        case []:
            return company.name, pages_list.overview(company)
        case ["ageing"]:
            return "A/R ageing", pages_report.ageing(company)
        case ["journal"]:
            return "Journal", pages_report.journal(company, request.query)
        case ["trial"]:
            return "Trial balance", pages_report.trial(company)
        case ["settings"]:
            return "Settings", pages_settings.settings(company)
        case [path] if path in BY_PATH:
            return pages_list.listed(company, BY_PATH[path], request.query)
        case [path, number] if path in BY_PATH:
            return pages_object.shown(company, BY_PATH[path], number)
    return None


def _act(company: Company, request: Request, parts: list[str]) -> Response:
    """Do what a button says; then back to a page that tells what became of it."""
    origin = request.headers.get("origin")
    if origin not in (None, request.base):
        return html_response(
            document("Not from here", None, tag("p", "Buttons of ours only.")), 403
        )
    if parts != ["do"]:
        return html_response(
            document("404 Not Found", None, tag("p", "There is no such page.")), 404
        )
    try:
        done, to = pages_action.act(company, request.body)
    except pages_action.NotDoneError as error:
        shown = _show(company, Request("GET", request.path), error.back, str(error), 400)
        return shown or html_response(document("Not done", None, tag("p", str(error))), 400)
    answer = redirect(f"/company/{company.realm_id}{to}?done={done}")
    answer.status = 303
    return answer
