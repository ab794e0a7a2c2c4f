"""Customers become Customers, when a document first needs one.

They are found again by their Id; a name only ever decides at the first meeting.
"""

from __future__ import annotations

from typing import Any

from qbosync.mapping.form import address, customer_key, text
from qbosync.model import Customer
from qbosync.operation import Body, Draft


def customer_draft(customer: Customer) -> Draft:
    """The customer as QuickBooks shall know it.

    Lengths are QuickBooks' (documented); the e-mail and phone are left out where they
    cannot be what they claim, since QuickBooks would refuse the whole customer.
    """
    name = customer.name.strip()
    fields: dict[str, Any] = {"DisplayName": name}
    if customer.type == "business":
        fields["CompanyName"] = name
    if customer.given_name.strip():
        fields["GivenName"] = text(customer.given_name, 100)
    if customer.family_name.strip():
        fields["FamilyName"] = text(customer.family_name, 100)
    if _is_email(customer.email):
        fields["PrimaryEmailAddr"] = {"Address": customer.email.strip()}
    if customer.phone.strip():
        fields["PrimaryPhone"] = {"FreeFormNumber": text(customer.phone, 30)}
    if customer.bill:
        fields["BillAddr"] = address(customer.bill)
    if customer.ship:
        fields["ShipAddr"] = address(customer.ship)
    body: Body = dict(fields)
    return Draft(
        customer_key(customer.id),
        body,
        fields,
        name=name,
        customer=customer.id,
    )


def _is_email(value: str) -> bool:
    """QuickBooks' own test of an address (documented): an at sign, a dot, 100 characters."""
    local, _, domain = value.strip().partition("@")
    return bool(local) and "." in domain and len(value.strip()) <= 100 and " " not in value.strip()
