"""QuickBooks' refusals in every shape they come in, and what follows from each code."""

from __future__ import annotations

import json

import pytest

from qbosync.errors import SetupError, TemporaryError
from qbosync.qbo.faults import (
    Fault,
    advice,
    error_for,
    faults_of,
    gravest,
    parse_json,
    read_faults,
    remedy,
)

TOKEN = "AB01601390262CANARYCANARYCANARY"


def application(code: str = "6240", detail: str = "The name supplied already exists. : null"):
    error = {"Message": "Duplicate Name Exists Error", "Detail": detail, "code": code}
    return json.dumps({"Fault": {"Error": [error], "type": "ValidationFault"}}).encode()


def gateway(code: str, message: str, detail: str | None):
    error = {"message": message, "detail": detail, "code": code, "element": None}
    return json.dumps({"warnings": None, "fault": {"error": [error]}, "time": 1}).encode()


def xml(code: str, message: str, detail: str) -> bytes:
    return (
        '<?xml version="1.0"?><IntuitResponse xmlns="http://schema.intuit.com/finance/v3">'
        f'<Fault type="SERVICE"><Error code="{code}"><Message>{message}</Message>'
        f"<Detail>{detail}</Detail></Error></Fault></IntuitResponse>"
    ).encode()


def only(status: int, body: bytes) -> Fault:
    [fault] = read_faults(status, {"Intuit-Tid": "t-1"}, body)
    return fault


def test_the_application_speaks_json():
    fault = only(400, application())
    assert (fault.code, fault.trace_id, remedy(fault)) == ("6240", "t-1", "name_taken")


def test_the_gateway_speaks_lower_case():
    said = "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"
    fault = only(403, gateway("3100", said, None))
    assert (fault.code, fault.message, remedy(fault)) == ("3100", said, "setup")


@pytest.mark.parametrize(
    "body",
    [
        gateway("3200", "message=AuthenticationFailed", f"Token expired: {TOKEN}"),
        application("3200", f"Token expired: {TOKEN}"),
        xml("3200", "message=AuthenticationFailed", f"Token expired: {TOKEN}"),
        xml("100", f"no {TOKEN}", "x"),
        gateway("", f"bad {TOKEN}", TOKEN),
        f"<html>{TOKEN}</html>".encode(),
    ],
)
def test_what_a_401_quotes_is_never_kept(body):
    fault = only(401, body)
    assert "CANARY" not in repr(fault) + str(fault) + str(error_for(fault)) + str(advice(fault))
    assert remedy(fault) == "not_applied"


def test_a_code_of_the_sign_in_keeps_no_detail_whatever_the_status():
    [fault] = faults_of({"Error": [{"code": "003200", "Detail": TOKEN}]}, 400, "")
    assert (fault.code, fault.detail, remedy(fault)) == ("3200", "", "not_applied")


@pytest.mark.parametrize("status", [429, 403, 400])
def test_throttling_speaks_xml(status):
    said = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    fault = only(status, xml("3001", said, "Slow down &amp; wait"))
    assert (fault.code, fault.detail) == ("3001", "Slow down & wait")
    assert remedy(fault) == "not_applied"
    assert isinstance(error_for(fault), TemporaryError)


def test_a_code_hidden_in_the_message_is_found():
    said = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    assert only(403, gateway("", said, None)).code == "3001"


def test_http_200_can_hold_a_fault():
    assert only(200, application("610")).code == "610"


@pytest.mark.parametrize("status", [302, 400, 403, 404, 413, 502, 503, 504])
def test_a_page_of_a_server_in_between_says_nothing_about_the_write(status):
    fault = only(status, b"<html><h1>Hello</h1></html>")
    assert (fault.code, remedy(fault)) == ("", "unknown")
    assert isinstance(error_for(fault), TemporaryError)


@pytest.mark.parametrize("body", [b"", b"upstream connect error", b'{"a": 1}', b'{"Fault": {}}'])
def test_an_error_without_a_code_is_unknown(body):
    assert remedy(only(500, body)) == "unknown"
    assert remedy(only(400, body)) == "unknown"


@pytest.mark.parametrize(
    "fault",
    [{"Error": "x"}, {"Error": ["x", 3, None]}, {"Error": {"code": 6240}}, {"Error": None}, {}],
)
def test_a_fault_of_no_known_shape_breaks_nothing(fault):
    [read] = faults_of(fault, 400, "")
    assert remedy(read) in ("unknown", "name_taken")


def test_an_answer_without_a_fault_has_none():
    assert read_faults(200, {}, b'{"Invoice": {"Id": "1"}}') == ()
    assert read_faults(200, {}, b"\xef\xbb\xbf{}") == ()
    assert parse_json(b"[" * 100_000) is None
    assert parse_json(b'{"a": ' + b"9" * 5000 + b"}") is None


def test_a_number_clash_names_the_document():
    words = "DocNumber=18311 is assigned to TxnType=Credit Memo with TxnId=6254"
    fault = only(400, application("6140", words))
    assert (fault.txn_id, remedy(fault)) == ("6254", "number_taken")


@pytest.mark.parametrize(
    ("status", "code", "cure"),
    [
        (400, "600", "unknown"),
        (400, "630", "unknown"),
        (400, "1010", "unknown"),
        (400, "10000", "unknown"),
        (500, "10000", "unknown"),
        (500, "2010", "unknown"),
        (400, "150", "not_applied"),
        (503, "150", "not_applied"),
        (400, "120", "setup"),
        (400, "130", "setup"),
        (400, "140", "setup"),
        (400, "5020", "setup"),
        (400, "6190", "setup"),
        (403, "6190", "setup"),
        (400, "10200", "setup"),
        (400, "5010", "stale"),
        (400, "6000", "refused"),
        (400, "6540", "refused"),
        (400, "6999", "refused"),
    ],
)
def test_the_code_decides_what_follows(status, code, cure):
    assert remedy(Fault(status, code)) == cure


def test_the_6000_that_asks_to_wait_may_have_been_saved():
    words = "An unexpected error occurred while accessing or saving your data. Please wait a few"
    assert remedy(Fault(400, "6000", "", f"{words} minutes and try again.")) == "unknown"


def test_a_refused_line_does_not_hide_an_unknown_outcome():
    assert gravest([Fault(400, "2500"), Fault(400, "10000")]).code == "10000"
    assert gravest([Fault(400, "5010"), Fault(400, "2500")]).code == "2500"


COMMON = """500 610 620 2010 2020 2030 2040 2050 2060 2070 2080 2090 2100 2110 2120 2130 2140 2150
2160 2170 2210 2250 2290 2500 2600 3000 5010 5020 5030 6070 6080 6090 6100 6140 6160 6180 6190 6200
6210 6220 6230 6240 6250 6270 6280 6420 6430 6440 6450 6480 6540 10200 100 110 120 130 140 3100"""


@pytest.mark.parametrize("code", COMMON.split())
def test_each_known_code_has_words_and_a_way_out(code):
    told = advice(Fault(400, code, "said", "QBO's own words", trace_id="t-9"))
    assert not told.what.startswith("QuickBooks refused it.")
    assert told.todo.endswith((".", "`.")), told.todo
    assert "t-9" in told.what and f"code {code}" in told.what


def test_an_unknown_code_is_told_in_quickbooks_own_words():
    assert "QBO's own words" in advice(Fault(400, "6999", "", "QBO's own words")).what


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(401, "3200"), SetupError),
        (Fault(403, "3100"), SetupError),
        (Fault(400, "4000"), SetupError),
        (Fault(500, "10000"), TemporaryError),
        (Fault(400, "4002"), TemporaryError),
        (Fault(200, ""), TemporaryError),
    ],
)
def test_a_read_ends_the_run_by_its_remedy(fault, kind):
    assert isinstance(error_for(fault), kind)
