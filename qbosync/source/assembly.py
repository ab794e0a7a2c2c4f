"""The sets of one delivery become a `Snapshot`: lines, days and applications find their record.

A record any of whose parts cannot be read is left out and held; a part whose record is not
in the delivery is held by where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import TypeVar

from qbosync.model import Application, CreditMemo, Line, Order, Payment, Snapshot
from qbosync.source import build
from qbosync.source.cell import CellError, Fields
from qbosync.source.layout import LAYOUTS
from qbosync.source.manifest import Manifest
from qbosync.source.record import UNREADABLE, Held, Parts, Record, Records, Sheet, fault_of

R = TypeVar("R", bound=Record)
P = TypeVar("P")
_NUMBERS = re.compile(r"(\d+)", re.ASCII)


def assemble(
    sheets: Mapping[str, Sheet], manifest: Manifest, digest: str, notes: tuple[str, ...]
) -> Snapshot:
    """Everything the delivery says; `is_complete` only if every row could be placed."""
    return _Assembly(sheets).snapshot(manifest, digest, notes)


class _Assembly:
    def __init__(self, sheets: Mapping[str, Sheet]) -> None:
        self._sheets = sheets
        self._held = Held()
        self._notes: list[str] = []

    def snapshot(self, manifest: Manifest, digest: str, notes: tuple[str, ...]) -> Snapshot:
        customers = self._records("customers", build.customer)
        orders = self._orders()
        payments = self._payments()
        credit_memos = self._credit_memos()
        charges = self._records("charges", build.charge, "amount")
        refunds = self._records("refunds", build.refund, "amount")
        deletions = self._deletions()
        is_complete = manifest.is_complete and not self._held.lost_rows
        if manifest.is_complete and not is_complete:
            self._notes.append(
                f"{self._held.lost_rows} rows cannot be told whose they are, so nothing that is"
                " missing counts as gone"
            )
        return Snapshot(
            customers=_by_id(customers),
            orders=orders,
            payments=payments,
            credit_memos=credit_memos,
            charges=_by_id(charges),
            refunds=_by_id(refunds),
            deletions=deletions,
            problems=self._held.problems(),
            is_complete=is_complete,
            generated_at=manifest.generated_at,
            digest=digest,
            notes=(*notes, *self._notes),
        )

    def _records(self, name: str, read: Callable[[Fields], R], amount: str = "") -> Records[R]:
        records: Records[R] = Records(LAYOUTS[name].kind, self._held, amount)
        if name in self._sheets:
            records.read(self._sheets[name], read)
        return records

    def _parts(
        self,
        name: str,
        parents: Records[R],
        read: Callable[[Fields, int], P],
        key: str = "",
    ) -> Parts[P]:
        parts: Parts[P] = Parts()
        sheet = self._sheets.get(name)
        if sheet is not None:
            parts.read(sheet, parents, self._held, read, key)
            if parts.repeats:
                self._notes.append(
                    f"rows of {sheet.table.name} that repeat another exactly and count once:"
                    f" {parts.repeats}"
                )
        return parts

    def _lines(self, name: str, parents: Records[R]) -> Callable[[str], tuple[Line, ...]]:
        """The lines of a record, by their numbers: an export may shuffle its rows."""
        parts = self._parts(name, parents, build.line, "line_no")
        return lambda record_id: tuple(sorted(parts.of(record_id), key=lambda x: _rank(x.number)))

    def _applied(self, name: str, parents: Records[R]) -> Callable[[str], tuple[Application, ...]]:
        parts = self._parts(name, parents, build.application)
        return lambda record_id: tuple(sorted(parts.of(record_id), key=_by_target))

    def _orders(self) -> dict[str, Order]:
        records = self._records("orders", build.order, "total")
        lines = self._lines("order_lines", records)
        history = self._parts("order_status_history", records, build.reached)
        return {
            order.id: replace(
                order,
                lines=lines(order.id),
                history=tuple(sorted(history.of(order.id), key=lambda reached: reached[1])),
            )
            for order in records.good()
        }

    def _payments(self) -> dict[str, Payment]:
        records = self._records("payments", build.payment, "amount")
        applied = self._applied("payment_applications", records)
        return {
            payment.id: replace(payment, applied=applied(payment.id)) for payment in records.good()
        }

    def _credit_memos(self) -> dict[str, CreditMemo]:
        records = self._records("credit_memos", build.credit_memo, "amount")
        lines = self._lines("credit_lines", records)
        applied = self._applied("credit_applications", records)
        return {
            credit.id: replace(credit, lines=lines(credit.id), applied=applied(credit.id))
            for credit in records.good()
        }

    def _deletions(self) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        sheet = self._sheets.get("deletions")
        for row in sheet.rows() if sheet else ():
            try:
                row.check()
                found.add(build.deletion(row))
            except CellError as error:
                self._held.place(row, UNREADABLE, fault_of(row, error))
        return frozenset(found)


def _by_id(records: Records[R]) -> dict[str, R]:
    return {record.id: record for record in records.good()}


def _rank(name: str) -> list[tuple[int, int, str]]:
    """The order in which people count: 2 before 10, "1 02" before "1 10"."""
    return [
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part)
        for part in _NUMBERS.split(name)
        if part
    ]


def _by_target(application: Application) -> tuple[list[tuple[int, int, str]], date]:
    return _rank(application.target), application.on or date.min
