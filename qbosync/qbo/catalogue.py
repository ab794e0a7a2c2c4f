"""QuickBooks' codes: what each means for a write, and what a person does about it.

Pure.  A code that is not here is a refusal of the one record, told in QuickBooks' own words.
"""

from __future__ import annotations

UNKNOWN = {"600", "630", "1000", "1010", "1020", "10000"}
"""It may have been applied: duplicate request or object, an operation that failed half-way."""
SETUP = {"100", "110", "120", "130", "140", "3100", "5020", "5030", "6190", "10200"}
"""Nothing can be written before a person acts."""
BUSY = {"150", "3001"}
"""Certainly not applied; may be sent again."""
CLOSED = {"6200", "6210"}
"""The books are closed for its date."""
SPECIAL = {"5010": "stale", "6140": "number_taken", "6240": "name_taken"}

_CLOSED = (
    "the books are closed for its date.",
    "Reopen the period in QuickBooks, or let the bookkeeper enter it.",
)
_INACTIVE = (
    "it refers to something that is not in QuickBooks, or was made inactive or deleted there.",
    "Look at its customer, items and their accounts in QuickBooks, and make them active again.",
)
_REPORT = "This is a mistake of qbosync: please report it with `qbosync support`."
_TAX = (
    "QuickBooks objects to its tax code, as it does when Sales Tax was switched on.",
    "Run `qbosync check`, and turn QuickBooks Sales Tax off.",
)
_RECONNECT = "Run `qbosync connect` again."
_FORM = ("QuickBooks does not understand the way it was sent.", _REPORT)

ADVICE: dict[str, tuple[str, str]] = {
    "100": ("QuickBooks does not accept our authorisation.", _RECONNECT),
    "110": ("QuickBooks does not accept our authorisation.", _RECONNECT),
    "120": ("QuickBooks says that whoever connected may not use this company any more.",
            "Let a company administrator run `qbosync connect`."),
    "130": ("The keys and the company are of different environments.",
            "Check [quickbooks] environment, then run `qbosync connect` again."),
    "140": ("The company is locked.", "Open QuickBooks and see why."),
    "150": ("The company is under maintenance.", "Nothing to do: the next run tries again."),
    "500": _FORM,
    "600": ("QuickBooks has seen this request before.", "Nothing to do: the next run looks."),
    "610": _INACTIVE,
    "620": ("QuickBooks does not let it be linked to the document that it belongs to.",
            "Look in QuickBooks whether both are the same customer's and still open."),
    "700": ("its parent customer is not what QuickBooks expects.", "Correct it in QuickBooks."),
    "900": ("its parent customer is not what QuickBooks expects.", "Correct it in QuickBooks."),
    "800": ("other documents depend on it.", "Undo those in QuickBooks first."),
    "1040": _FORM,
    "2000": _FORM,
    "2010": _FORM,
    "2020": ("something that QuickBooks demands is missing in it.",
             "Fill it in in the shop system."),
    "2030": _FORM,
    "2040": ("a text in it has characters that QuickBooks does not take.",
             "Write it plainly in the shop system."),
    "2050": ("a text in it is too long.", "Shorten it in the shop system."),
    "2060": _FORM, "2070": _FORM, "2080": _FORM, "2090": _FORM, "2100": _FORM, "2110": _FORM,
    "2120": _FORM, "2130": _FORM, "2170": _FORM, "2600": _FORM,
    "2140": ("an amount in it is not one that QuickBooks takes.",
             "Correct it in the shop system."),
    "2150": ("a percentage in it is not one that QuickBooks takes.",
             "Correct it in the shop system."),
    "2160": ("a quantity in it is not one that QuickBooks takes.",
             "Correct it in the shop system."),
    "2210": ("the e-mail address is not one.", "Correct it in the shop system."),
    "2250": ("it has no lines.", "Give it a line in the shop system."),
    "2290": ("QuickBooks does not take its negative amount.",
             "Let the bookkeeper enter it, or make it a credit memo in the shop system."),
    "2500": _INACTIVE,
    "3000": ("a custom field is not as QuickBooks has it.",
             "Look at the custom fields of sales forms in QuickBooks."),
    "3100": ("The app is not authorised for this company, or the keys are of the other"
             " environment.", "Run `qbosync connect` again with the right keys."),
    "5010": ("it was changed in QuickBooks at the same time.", "The next run looks again."),
    "5020": ("Whoever connected may not do this in QuickBooks.",
             "Let a company administrator run `qbosync connect`."),
    "5030": ("The company's plan lacks a feature.", "See which plan the company is on."),
    "6070": ("a line's amount is not quantity times price.", _REPORT),
    "6080": ("it has no name.", "Give the customer a name in the shop system."),
    "6090": ("its discount lacks something.", _REPORT),
    "6100": _TAX, "6160": _TAX, "6170": _TAX, "6230": _TAX, "6470": _TAX,
    "6140": ("its number is taken by another document.",
             "Give one of them another number, or set [documents] order_prefix."),
    "6180": ("its customer is nested too deeply.", "Move the customer up in QuickBooks."),
    "6190": ("The company's QuickBooks subscription has ended.", "Renew it in QuickBooks."),
    "6200": _CLOSED, "6210": _CLOSED,
    "6220": ("the customer has a balance.", "Settle it in QuickBooks first."),
    "6240": ("its name is taken in QuickBooks by another customer, vendor, employee or item.",
             "Rename one of them."),
    "6250": ("its customer is not in QuickBooks or inactive.",
             "Make the customer active again in QuickBooks."),
    "6270": ("an item keeps stock, and only from a later date.",
             "Let the item be a service or non-inventory item in QuickBooks."),
    "6280": ("the customer has charges that are not billed.", "Look at them in QuickBooks."),
    "6420": ("QuickBooks is to send it by e-mail but has no address.",
             "Give the customer an e-mail address in the shop system."),
    "6430": ("an item or payment stands on an account that QuickBooks does not allow for it.",
             "Give it another account in QuickBooks; a tax item needs an ordinary liability"
             " account."),
    "6440": ("a line lacks its item or account.", _REPORT),
    "6450": ("the payment is settled and can no longer be voided.",
             "Refund it in QuickBooks, and say so in the shop system."),
    "6480": ("it is matched with a bank transaction.", "Undo the match in QuickBooks first."),
    "6540": ("the payment was deposited, so it can only be changed in QuickBooks.",
             "Open the payment in QuickBooks, tick the invoice, Save."),
    "10200": ("The sandbox company was reset: nothing of before is left in it.",
              "Run `qbosync disconnect`, move the ledger away and connect again."),
}  # fmt: skip
