"""The conversation of `qbosync init`: look, tell, ask, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from qbosync.errors import SetupError
from qbosync.init.answer import make_answers
from qbosync.init.export import arrange, read_heads
from qbosync.init.question import TIMEZONE, Question, questions
from qbosync.init.survey import survey
from qbosync.init.text import write_configuration
from qbosync.places import config_path
from qbosync.places.file import replace_file
from qbosync.source.folder import FolderSource

Ask = Callable[[str, str, tuple[str, ...]], str]


def run_init(
    folder: Path,
    config: Path | None,
    profile: str | None,
    environ: Mapping[str, str],
    given: Mapping[str, str],
    ask: Ask | None,
) -> Iterator[str]:
    """Yield what there is to read; the configuration is written at the end.

    `given` answers questions by name beforehand; without `ask` the proposals stand.

    Raises:
        SetupError: If the export cannot be read, an answer is impossible, or there is a
            configuration already.
    """
    target = config_path(config, profile, environ)
    if target.exists():
        raise SetupError(
            f"There is a configuration already: {target}.",
            "Edit it, move it away, or name another one: qbosync --config PATH init FOLDER.",
        )
    heads = read_heads(folder)
    arrangement = arrange(heads)
    zone = given.get("timezone") or TIMEZONE
    snapshot = FolderSource(
        folder,
        timezone=ZoneInfo(zone),
        date_format=arrangement.date_format,
        files=arrangement.files,
        columns=arrangement.columns,
    ).read()
    found = survey(snapshot, heads)
    yield from found.words()
    asked = questions(found, timezone=zone)
    if unknown := set(given) - {question.name for question in asked}:
        names = ", ".join(question.name for question in asked)
        raise SetupError(f"There is no question {sorted(unknown)[0]!r}.", f"There are: {names}.")
    texts, still_open = {}, []
    for question in asked:
        if question.name in given:
            texts[question.name] = _read(question, given[question.name])
        elif ask is not None:
            yield ""
            yield question.why
            texts[question.name] = _ask(question, ask)
        else:
            texts[question.name] = question.default
        if not texts[question.name]:
            still_open.append(question.text)
    path = str(folder.absolute())
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(target, write_configuration(make_answers(found, texts, path)))
    yield ""
    yield f"Written: {target}"
    yield from (f"Still open: {words}" for words in still_open)
    yield "Next: qbosync connect, then qbosync plan."


def _read(question: Question, text: str) -> str:
    try:
        question.read(text)
    except ValueError as error:
        raise SetupError(f"{question.name} {error}.", "Give another answer.") from None
    return text


def _ask(question: Question, ask: Ask) -> str:
    """Ask until the answer is possible."""
    text = question.text
    while True:
        answer = ask(text, question.default, question.choices)
        try:
            question.read(answer)
        except ValueError as error:
            text = f"{question.text} (it {error})"
            continue
        return answer
