"""CompanyInfo: who the company is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clock import stamp
from .jsons import Json
from .provenance import DOCUMENTED, rule

if TYPE_CHECKING:
    from .company import Company

ENDED = "EXPIRED"
rule("CompanyInfo's own Id is 1, not the realm id", DOCUMENTED, "reference sample")


def company_info(company: Company) -> Json:
    """The object as a read answers it."""
    born = stamp(company.counters.get("born", int(company.now)))
    address = {
        "Id": "1",
        "Line1": "100 Example St",
        "City": "Boise",
        "Country": "USA",
        "CountrySubDivisionCode": "ID",
        "PostalCode": "83702",
    }
    values = {
        "NeoEnabled": "true",
        "IndustryType": "Wood Kitchen Cabinet and Countertop Manufacturing",
        "SubscriptionStatus": company.subscription,
        "OfferingSku": "QuickBooks Online Plus",
        "PayrollFeature": "false",
        "AccountantFeature": "false",
        "ItemCategoriesFeature": "true",
        "IsQbdtMigrated": "false",
    }
    return {
        "CompanyName": company.name,
        "LegalName": company.name,
        "CompanyAddr": address,
        "CustomerCommunicationAddr": address,
        "LegalAddr": address,
        "PrimaryPhone": {"FreeFormNumber": "(555) 555-0100"},
        "CompanyStartDate": born[:10],
        "FiscalYearStartMonth": "January",
        "Country": "US",
        "Email": {"Address": "books@example.com"},
        "WebAddr": {},
        "SupportedLanguages": "en",
        "NameValue": [{"Name": name, "Value": value} for name, value in values.items()],
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "0",
        "MetaData": {"CreateTime": born, "LastUpdatedTime": born},
    }
