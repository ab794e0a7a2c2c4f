"""What the documents say is what the program does."""

from __future__ import annotations

import ast
import re
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
import requests
from click.testing import CliRunner

from qbosync.cli import program
from qbosync.config import load
from qbosync.config.settings import Settings
from qbosync.emulator import Server
from qbosync.errors import SetupError
from qbosync.rules import refuse_what_is_not_there
from tests.emulator.conftest import Books
from tests.test_architecture import LAYERS, MODULES, part_of

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "qbosync"
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
REALM = "9341450000000001"
SWITCHED_OFF = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {"AutoApplyCredit": False, "CustomTxnNumbers": True},
}


def blocks(text: str, kind: str) -> list[str]:
    """The code blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def marked(name: str) -> str:
    """The code block behind a comment such as ``<!-- demo -->``."""
    found = re.search(rf"<!-- {re.escape(name)} -->\n```\w+\n(.*?)^```", README, re.S | re.M)
    assert found, f"README has no block marked {name!r}"
    return found[1]


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next one of its rank or above."""
    found = re.search(rf"^(##+) {re.escape(title)}\n(.*?)(?=^##? |\Z)", text, re.S | re.M)
    assert found, f"there is no section called {title!r}"
    return found[2]


def documents() -> list[Path]:
    folders = (
        ROOT,
        ROOT / "docs",
        ROOT / "cassettes",
        ROOT / "cassettes" / "sandbox",
        PACKAGE / "emulator",
    )
    return [path for folder in folders for path in sorted(folder.glob("*.md"))]


# The commands -------------------------------------------------------------------------------


def commands(group: click.Group, words: str = "qbosync") -> Iterator[tuple[str, click.Command]]:
    """Every command with the words that call it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


@pytest.mark.parametrize("words", [words for words, _ in commands(program)])
def test_every_command_is_in_the_readme(words: str) -> None:
    assert f"`{words}" in section(README, "The commands")


def test_every_command_that_the_readme_calls_is_there() -> None:
    known = {words for words, _ in commands(program)}
    called = set(re.findall(r"`(qbosync(?: [a-z]+)+)", README))
    called |= {line for line in re.findall(r"^\$ (qbosync(?: [a-z]+)+)", README, re.M)}
    strangers = {c for c in called if not any(c == k or c.startswith(f"{k} ") for k in known)}
    not_yet = set(re.findall(r"`(qbosync [a-z]+)`", section(README, "Not yet")))
    assert strangers <= not_yet


def test_every_option_that_the_readme_names_is_there() -> None:
    known = {
        option for _, command in commands(program) for p in command.params for option in p.opts
    }
    known |= {option for p in program.params for option in p.opts} | {"--help"}
    prose = "".join(re.split(r"^```.*?^```", README, flags=re.S | re.M))
    assert set(re.findall(r"`[^`]*?(--[a-z][a-z-]+)", prose)) <= known


def test_exit_codes_are_those_of_the_help() -> None:
    told = CliRunner().invoke(program, ["--help"]).output
    epilog = re.findall(r"^ +(\d+)  (\S.*)$", told, re.M)
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", section(README, "Exit codes"), re.M)
    assert epilog
    assert [(code, words.strip()) for code, words in rows] == epilog


def test_the_screen_in_the_readme_is_a_real_one() -> None:
    def plain(line: str) -> str:
        """Without what differs from run to run: QuickBooks' Ids, and the width of columns."""
        line = re.sub(r"^((?:create|update) .*\d\.\d\d) +\d+ *$", r"\1", line.strip())
        return " ".join(re.sub(r"\bPayment \d+\b", "Payment …", line).split())

    result = CliRunner().invoke(program, ["demo"])
    assert result.exit_code == 0, result.output
    told = {plain(line) for line in result.output.splitlines()}
    shown = [plain(line) for line in marked("demo").splitlines()]
    assert len(shown) > 20
    assert [line for line in shown if line not in told and line != "…"] == []


def test_the_readme_s_second_command_is_what_the_build_runs() -> None:
    path = ROOT / ".ci" / "run"
    if not path.exists():
        pytest.skip("there is no .ci/run here")
    [command] = re.findall(r"^(\.venv/bin/python -m pytest)$", README, re.M)
    first = re.search(r"^python3 -m venv .*$", README, re.M)
    assert first and first[0].endswith(".venv/bin/qbosync demo")
    assert command.split(".venv/bin/python ")[1] in path.read_text(encoding="utf-8")


# The configuration --------------------------------------------------------------------------

MINIMUM = '[quickbooks]\nenvironment = "sandbox"\n[source]\n'


@pytest.mark.parametrize("text", blocks(README, "toml"))
def test_every_toml_in_the_readme_is_a_configuration(text: str) -> None:
    assert load(text, "README").quickbooks.default_export_class == "Cabinets"


def test_the_commented_lines_of_the_configuration_are_right_too() -> None:
    text = re.sub(r"^# (\w+ = )", r"\1", blocks(README, "toml")[0], flags=re.M)
    text = text.replace('environment = "sandbox"', 'environment = "emulator"')
    assert load(text, "README").orders.start_date is not None


def test_the_example_shows_the_defaults() -> None:
    shown = tomllib.loads(blocks(README, "toml")[0])
    default = load(MINIMUM, "minimum").model_dump()
    example = load(blocks(README, "toml")[0], "README").model_dump()
    own = {"default_export_class", "income_account", "methods"}  # the shop's, without a default
    for table, keys in shown.items():
        for key in set(keys) - own:
            assert example[table][key] == default[table][key], f"[{table}] {key}"


def keys_of_settings() -> Iterator[tuple[str, str]]:
    """Every key of the configuration with its table."""
    for table, kind in Settings.model_fields.items():
        model = kind.annotation
        for key in getattr(model, "model_fields", {}):
            yield table, key


def keys_without_effect() -> set[str]:
    """Keys that no module reads, but for those that check and write configurations."""
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in MODULES
        if part_of(path) not in ("config", "init", "emulator")
    )
    return {
        key
        for table, key in keys_of_settings()
        if not re.search(rf"\b(settings\.)?({table}|own)\.{key}\b", text)
    }


def test_the_readme_says_which_keys_have_no_effect_yet() -> None:
    said = re.search(r"The keys?\b([^.]*?)ha(?:s|ve) \*\*no effect\*\*", section(README, "Not yet"))
    named = set(re.findall(r"`(\w+)`", said[1])) if said else set()
    assert named == keys_without_effect()


def test_every_key_is_in_the_example_or_among_what_is_not_there_yet() -> None:
    told = blocks(README, "toml")[0] + marked("report: config.toml") + section(README, "Not yet")
    missing = {key for _, key in keys_of_settings() if not re.search(rf"\b{key}\b", told)}
    assert missing == set()


@pytest.mark.parametrize(
    "wanted",
    re.findall(r'`(\w+ = (?:"\w+"|true))`', section(README, "Not yet").split("no effect")[0]),
)
def test_what_is_not_there_yet_is_refused(wanted: str) -> None:
    key = wanted.split(" = ")[0]
    [table] = {table for table, name in keys_of_settings() if name == key}
    text = MINIMUM if table == "source" else f"{MINIMUM}[{table}]\n"
    with pytest.raises(SetupError, match=re.escape(wanted)):
        refuse_what_is_not_there(load(f"{text}{wanted}\n", "README"))


# What happens when … ------------------------------------------------------------------------


def test_every_row_of_what_happens_when_names_its_test_and_every_such_test_has_a_row() -> None:
    told = section(README, "What happens when …")
    rows = re.findall(r"^\| .*\| ([^|]*) \|$", told, re.M)[1:]
    named = [name for row in rows for name in re.findall(r"`(test_\w+)`", row)]
    files = re.findall(r"`(tests/test_\w+\.py)`", told)
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    assert all("`test_" in row or set(row) <= {"-", "|"} for row in rows)
    assert sorted(named) == sorted(re.findall(r"^def (test_\w+)", text, re.M))


# An Allmoxy Orders report -------------------------------------------------------------------


def test_the_orders_report_of_the_readme_goes_into_quickbooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QBOSYNC_DATA_DIR", raising=False)
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    (tmp_path / "export").mkdir()
    report = marked("report: orders-report.csv")
    (tmp_path / "export" / "orders-report.csv").write_text(report, encoding="utf-8")
    with Server(port=0, limits="off", seed=1) as server:
        config = write_config(tmp_path, server)
        connect(config)
        address = f"{server.url}/_emulator/companies/{REALM}"
        requests.post(f"{address}/preferences", json=SWITCHED_OFF, timeout=10).raise_for_status()
        first = run(config, "-v", "sync")
        second = run(config, "-v", "sync", "--json")
        books = Books(server.url)
        invoices = {o["DocNumber"]: o for o in books.rows("SELECT * FROM Invoice", "Invoice")}
        estimates = books.rows("SELECT * FROM Estimate", "Estimate")
    assert first.exit_code == 3, first.output
    assert "168.00 is too much" in README and "order 20133" in first.output
    assert {n: str(i["TotalAmt"]) for n, i in invoices.items()} == {
        "20117": "1272.00",
        "20121": "99.99",
    }
    assert [estimate["DocNumber"] for estimate in estimates] == ["20130"]
    assert [str(line["Amount"]) for line in invoices["20117"]["Line"]][:3] == [
        "960.00",
        "240.00",
        "72.00",
    ]
    assert '"written": []' in second.output


def write_config(folder: Path, server: Server) -> Path:
    """The README's configuration, with this emulator's address and a port that is free."""
    with Server(port=0) as other:
        port = other.port
    own = f'api_url = "{server.url}"\nredirect_uri = "http://127.0.0.1:{port}/callback"\n'
    text = marked("report: config.toml")
    path = folder / "config.toml"
    path.write_text(text.replace("[quickbooks]\n", f"[quickbooks]\n{own}"), encoding="utf-8")
    path.chmod(0o600)
    return path


def run(config: Path, *words: str) -> click.testing.Result:
    return CliRunner().invoke(program, ["--config", str(config), *words])


def connect(config: Path) -> None:
    """`qbosync connect`, with a browser that clicks at once."""

    def click_connect(url: str) -> bool:
        address = f"{url}&approve={REALM}"
        threading.Thread(target=requests.get, args=(address,), kwargs={"timeout": 10}).start()
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webbrowser.open", click_connect)
        result = run(config, "connect")
    assert result.exit_code == 4, result.output  # connected; the settings are not right yet
    assert "Inactive" in result.output


# What people read when connecting goes wrong --------------------------------------------------


def test_every_message_of_the_readme_is_one_of_the_program_s() -> None:
    said = "\n".join(
        node.value
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    rows = re.findall(r"^\| \*([^*|]+)\*", section(README, "When it does not work"), re.M)
    assert len(rows) > 5
    parts = [part.strip(" .") for row in rows for part in re.split(r"…|/", row) if part.strip(" .")]
    assert [part for part in parts if part not in said] == []


# All documents ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = path.parent / parts.path if parts.path else path
        assert target.exists(), link
        if parts.fragment:
            heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
            assert parts.fragment in {anchor(head) for head in heads}, link


def anchor(head: str) -> str:
    """A heading as its address: lower case, hyphens for blanks, no punctuation."""
    return re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_every_file_that_a_document_names_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:qbosync|tests|cassettes|bench)/(?!config\.toml)[\w./-]*)`", text))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_drawing_of_the_layers_is_the_one_that_is_held() -> None:
    there = {part_of(path) for path in MODULES}
    drawing = blocks(section(ARCHITECTURE, "Layers"), "text")[0].split("\n\n")[0]
    drawn = [set(line.replace("|", " ").split()) for line in drawing.splitlines()]
    assert drawn == [{part for part in layer if part in there} for layer in LAYERS]


def test_the_keyring_section_that_messages_name_is_there() -> None:
    assert section(README, "Keyring")
    for system in ("desktop", "cron", "systemd"):
        assert system in section(README, "Keyring")


def test_a_fact_about_intuit_that_is_not_documented_is_labelled() -> None:
    for label in ("reported", "assumed"):
        assert f"({label}" in README or f"*{label}*" in README


# Every tracked file -------------------------------------------------------------------------

FOREIGN = {
    "a path of somebody's machine": r"(?<![\w.~$}-])/(?:work|root|tmp)/|/home/(?!USER)\w+",
    "an issue's number": r"\bissues? #?\d+\b",
    "how the work is organised": r"(?i)\b(sub-?agents?|as per the brief|review(er)? round)\b",
}


def tracked() -> list[Path]:
    """The files of the project, or none where this is no checkout."""
    try:
        told = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [ROOT / name for name in told.split("\0") if name]


def test_no_file_speaks_of_a_machine_or_of_how_the_work_is_organised() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {what}"
            for number, line in enumerate(lines, 1)
            for what, pattern in FOREIGN.items()
            if re.search(pattern, line)
        ]
    assert found == []


def test_what_people_do_in_quickbooks_names_tests_that_are_there() -> None:
    told = section(README, "What happens when a person changes something in QuickBooks")
    files = [ROOT / name for name in re.findall(r"`(tests/test_\w+\.py)`", told)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    named = re.findall(r"`(test_\w+)`", told)
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in text] == []
