"""What QuickBooks' settings mean for us, one by one; dict in, values out."""

from __future__ import annotations

from typing import Any

import pytest

from qbosync.qbo.preferences import (
    ACCEPTABLE,
    VOUCHED,
    Check,
    blocked,
    changes,
    company_checks,
    refusals,
    stops_everything,
    voucher,
    watched,
)

GOOD = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {"CustomTxnNumbers": True, "AllowEstimates": True},
    "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
    "ProductAndServicesPrefs": {"ForSales": True},
    "AccountingInfoPrefs": {},
}
INFO = {
    "Country": "US",
    "NameValue": [
        {"Name": "SubscriptionStatus", "Value": "PAID"},
        {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
    ],
}
VOUCH = dict.fromkeys(VOUCHED, "2026-03-01T10:00:00+00:00 ann")


def found(
    part: str = "", value: Any = None, accepted: dict[str, str] | None = None, **info: Any
) -> dict[str, Check]:
    """All checks of a good company in which one thing is otherwise."""
    preferences = {name: dict(values) for name, values in GOOD.items()}
    if part:
        group, _, name = part.partition(".")
        preferences[group][name] = value
    checks = company_checks(preferences, {**INFO, **info}, VOUCH if accepted is None else accepted)
    return {check.name: check for check in checks}


def test_a_good_company_has_nothing_to_complain_of():
    assert {check.level for check in found().values()} == {"ok"}
    assert all(check.evidence.endswith(".") for check in found().values())


@pytest.mark.parametrize(
    ("part", "value", "name", "level", "way"),
    [
        ("TaxPrefs.UsingSalesTax", True, "sales tax", "stop", "Turn off sales tax"),
        ("SalesFormsPrefs.AutoApplyCredit", True, "automatic credits", "stop", "Automation"),
        ("SalesFormsPrefs.AutoApplyPayments", True, "automatic payments", "stop", "--accept"),
        ("SalesFormsPrefs.CustomTxnNumbers", False, "custom numbers", "warning", "Sales"),
        ("SalesFormsPrefs.AllowEstimates", False, "estimates", "stop", "Sales"),
        ("SalesFormsPrefs.UsingProgressInvoicing", True, "progress invoicing", "warning", "Sales"),
        ("SalesFormsPrefs.UsingPriceLevels", True, "price rules", "warning", "Sales"),
        ("ProductAndServicesPrefs.ForSales", False, "products on forms", "warning", "column"),
        ("CurrencyPrefs.MultiCurrencyEnabled", True, "currency", "stop", "US dollars"),
        ("CurrencyPrefs.HomeCurrency", {"value": "CAD"}, "currency", "stop", "US dollars"),
    ],
)
def test_each_setting_that_hurts_shows_its_evidence_and_the_way(part, value, name, level, way):
    checks = found(part, value)
    assert (checks[name].level, way in checks[name].todo) == (level, True)
    assert [c.name for c in checks.values() if c.level != "ok"] == [name]


@pytest.mark.parametrize(
    ("info", "name", "level"),
    [
        ({"Country": "CA"}, "country", "stop"),
        ({"NameValue": [{"Name": "SubscriptionStatus", "Value": "EXPIRED"}]}, "subscription",
         "stop"),
        ({"NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Self-Employed"}]}, "plan",
         "warning"),
    ],
)  # fmt: skip
def test_what_the_company_is_may_rule_it_out(info, name, level):
    assert found(**info)[name].level == level


def test_what_is_vouched_for_says_when_and_by_whom():
    checks = found(accepted={})
    assert {name for name, c in checks.items() if c.level == "warning"} == {
        name.replace("-", " ") for name in VOUCHED
    }
    assert all("--accept" in checks[name.replace("-", " ")].todo for name in VOUCHED)
    assert "on 2026-03-01 by ann" in found()["late fees"].evidence
    assert voucher("2026-03-01T10:00:00+00:00") == ("2026-03-01T10:00:00+00:00", "")
    assert set(VOUCHED) < set(ACCEPTABLE)


def test_payments_that_are_vouched_for_no_longer_stop_but_stay_in_sight():
    told = {"auto-apply-payments": "2026-03-01T10:00:00+00:00 ann"}
    check = found("SalesFormsPrefs.AutoApplyPayments", True, told)["automatic payments"]
    assert check.level == "warning" and "2026-03-01 by ann" in check.evidence


def test_only_what_no_switch_mends_is_refused():
    everything = found("CurrencyPrefs.MultiCurrencyEnabled", True, Country="CA").values()
    assert [check.name for check in refusals(everything)] == ["currency", "country"]
    assert refusals(found("TaxPrefs.UsingSalesTax", True).values()) == []


def test_a_stop_holds_all_documents_or_those_it_names():
    tax = found("TaxPrefs.UsingSalesTax", True).values()
    assert [c.name for c in tax if stops_everything(c)] == ["sales tax"] and blocked(tax) == {}
    estimates = found("SalesFormsPrefs.AllowEstimates", False).values()
    assert not any(stops_everything(check) for check in estimates)
    assert blocked(estimates).keys() == {"Estimate"}


def test_a_change_is_told_once_it_is_one():
    before = watched(GOOD)
    assert before["UsingSalesTax"] == "off" and before["CustomTxnNumbers"] == "on"
    closed = {**GOOD, "AccountingInfoPrefs": {"BookCloseDate": "2026-01-31"}}
    assert changes(before, watched(closed)) == ["BookCloseDate was off, is 2026-01-31"]
    assert changes({}, watched(closed)) == []


def test_a_closing_date_is_shown():
    words = found("AccountingInfoPrefs.BookCloseDate", "2026-01-31")["closed books"].evidence
    assert words == "The books are closed until 2026-01-31."
