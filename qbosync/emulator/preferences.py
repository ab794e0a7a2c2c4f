"""The company's preferences: readable by clients, changed only by the bookkeeper.

What depends on one another follows: without sales tax there is no default tax code.
"""

from __future__ import annotations

import copy
from typing import Any

from . import catalogue, faults
from .jsons import Json
from .provenance import ASSUMED, DOCUMENTED, RECORDED, rule

rule(
    "AutoApplyCredit and UsingSalesTax are on, AutoApplyPayments is off in a new company",
    ASSUMED,
    "most companies have the first on, says the documentation",
)
rule(
    "a client that writes preferences is ignored where they are read-only",
    DOCUMENTED,
    "preferences reference",
)
rule(
    "AutomaticBillPayment is in no reply; BookCloseDate only when books are closed",
    RECORDED,
    "sandbox 2017-2019",
)

# Of these a client's POST may change something; all others are read-only in effect.
WRITABLE = {
    "SalesFormsPrefs": {
        "CustomTxnNumbers", "AllowDeposit", "AllowDiscount", "AllowEstimates", "AllowServiceDate",
        "AllowShipping", "DefaultTerms", "DefaultCustomerMessage", "EmailCopyToCompany",
        "ETransactionAttachPDF", "DefaultDiscountAccount",
    },
    "ProductAndServicesPrefs": {
        "ForSales", "ForPurchase", "QuantityWithPriceAndRate", "QuantityOnHand",
    },
}  # fmt: skip


def _message(kind: str) -> Json:
    return {
        "Subject": f"{kind} from Sandbox Cabinet Shop",
        "Message": f"Please find your {kind.lower()} attached.",
    }


DEFAULTS: Json = {
    "AccountingInfoPrefs": {
        "UseAccountNumbers": False,
        "FirstMonthOfFiscalYear": "January",
        "TaxYearMonth": "January",
        "TrackDepartments": False,
        "ClassTrackingPerTxn": False,
        "ClassTrackingPerTxnLine": False,
        "TaxForm": "6",
        "CustomerTerminology": "Customers",
    },
    "ProductAndServicesPrefs": {
        "ForSales": True,
        "ForPurchase": True,
        "QuantityWithPriceAndRate": True,
        "QuantityOnHand": True,
    },
    "SalesFormsPrefs": {
        "CustomField": [],
        "CustomTxnNumbers": False,
        "EmailCopyToCompany": False,
        "AllowDeposit": False,
        "AllowDiscount": True,
        "AllowEstimates": True,
        "ETransactionEnabledStatus": "NotApplicable",
        "ETransactionAttachPDF": False,
        "ETransactionPaymentEnabled": False,
        "IPNSupportEnabled": False,
        "AllowServiceDate": False,
        "AllowShipping": False,
        "AutoApplyCredit": True,
        "AutoApplyPayments": False,
        "DefaultTerms": {"value": "3"},
        "UsingPriceLevels": False,
        "UsingProgressInvoicing": False,
        "DefaultCustomerMessage": "",
    },
    "EmailMessagesPrefs": {
        "InvoiceMessage": _message("Invoice"),
        "EstimateMessage": _message("Estimate"),
        "SalesReceiptMessage": _message("Sales Receipt"),
        "StatementMessage": _message("Statement"),
    },
    "VendorAndPurchasesPrefs": {
        "TrackingByCustomer": True,
        "BillableExpenseTracking": True,
        "POCustomField": [],
    },
    "TimeTrackingPrefs": {
        "UseServices": True,
        "BillCustomers": True,
        "ShowBillRateToAll": False,
        "WorkWeekStartDate": "Monday",
        "MarkTimeEntriesBillable": True,
    },
    "TaxPrefs": {
        "UsingSalesTax": True,
        "PartnerTaxEnabled": True,
        "TaxGroupCodeRef": {"value": "2"},
    },
    "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
    "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
    "OtherPrefs": {
        "NameValue": [
            {"Name": "SalesFormsPrefs.DefaultItem", "Value": "1"},
            {"Name": "DTXCopyMemo", "Value": "true"},
            {"Name": "UncategorizedAssetAccountId", "Value": "10"},
            {"Name": "UncategorizedIncomeAccountId", "Value": "8"},
            {"Name": "UncategorizedExpenseAccountId", "Value": "9"},
            {"Name": "SFCEnabled", "Value": "true"},
            {"Name": "DataPartner", "Value": "false"},
            {"Name": "ProjectsEnabled", "Value": "false"},
            {"Name": "DateFormat", "Value": "Month Date Year separated by a slash"},
            {"Name": "NumberFormat", "Value": "US Number Format"},
            {"Name": "WarnDuplicateCheckNumber", "Value": "true"},
            {"Name": "WarnDuplicateBillNumber", "Value": "false"},
            {"Name": "TimeTrackingFeatureEnabled", "Value": "true"},
        ]
    },
    "domain": "QBO",
    "sparse": False,
    "Id": "1",
    "SyncToken": "0",
    "MetaData": {},
}


def default_preferences() -> Json:
    """What a new US company with sales tax on answers."""
    return copy.deepcopy(DEFAULTS)


def merge(old: Json, part: Json) -> Json:
    """Preferences with a part laid over them, and what depends on it following.

    Raises:
        ValueError: For a group that preferences do not have, or one that is no object.
    """
    new = copy.deepcopy(old)
    for group, values in part.items():
        if group not in old or not isinstance(old[group], dict) or group == "MetaData":
            raise ValueError(f"preferences have no group {group!r}")
        if not isinstance(values, dict):
            raise ValueError(f"{group} must be an object")
        for name, value in values.items():
            _lay(new[group], name, value)
    _follow(new, part)
    return new


def _lay(group: Json, name: str, value: Any) -> None:
    if value is None:
        group.pop(name, None)
    else:
        group[name] = value


def _follow(new: Json, part: Json) -> None:
    tax = new["TaxPrefs"]
    asked = part.get("TaxPrefs", {})
    if "UsingSalesTax" not in asked:
        return
    if tax["UsingSalesTax"]:
        tax.setdefault("TaxGroupCodeRef", {"value": "2"})
        if "PartnerTaxEnabled" not in asked:
            tax["PartnerTaxEnabled"] = True
    else:
        tax.pop("TaxGroupCodeRef", None)
        if "PartnerTaxEnabled" not in asked:
            tax["PartnerTaxEnabled"] = False


def check(sent: Json) -> None:
    """Refuse what no preference is called.

    Raises:
        QboFault: 2010.
    """
    for group, values in sent.items():
        if group not in DEFAULTS and group not in catalogue.known("Preferences"):
            raise faults.unknown_property()
        inside = DEFAULTS.get(group)
        if not isinstance(values, dict) or not isinstance(inside, dict) or group == "MetaData":
            continue
        if values.keys() - inside.keys() - catalogue.known(group):
            raise faults.unknown_property()


def writable(part: Json) -> Json:
    """The part of a client's preferences that QuickBooks lets a client write."""
    return {
        group: {k: v for k, v in values.items() if k in WRITABLE[group]}
        for group, values in part.items()
        if group in WRITABLE and isinstance(values, dict)
    }
