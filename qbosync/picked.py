"""Whether the company that was picked is one that can be served, and the one that was meant.

If it is neither, the new token is given back and the keyring is left as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from qbosync.blob import TokenBlob
from qbosync.errors import QbosyncError, SetupError
from qbosync.keeper import Keeper
from qbosync.qbo.client import Company
from qbosync.qbo.faults import WrongKeysError
from qbosync.qbo.oauth import Tokens, revoke
from qbosync.qbo.preferences import company_checks, refusals
from qbosync.qbo.transport import HttpTransport
from qbosync.signin import Person, told_wrong_keys
from qbosync.wiring import Setup, endpoints_of

_TRIES = 3


def right_company(
    setup: Setup, company: Company, person: Person, undo: Callable[[], None]
) -> dict[str, object]:
    """What QuickBooks says of the company, once it is one that can be served, and the one meant.

    Raises:
        SetupError: If it is neither; what was stored is as before then.
    """
    environment = setup.settings.quickbooks.environment
    try:
        info = company.company_info()
        name = str(info.get("CompanyName") or company.realm_id)
        if setup.connection is None:
            _refuse(company, info)
            _typed_back(setup, name, person)
    except WrongKeysError as error:
        undo()
        raise told_wrong_keys(error, environment) from error
    except BaseException:  # Ctrl-C at the question too
        undo()
        raise
    person.show(f"Connected to {name} ({environment}).")
    return info


def _refuse(company: Company, info: dict[str, object]) -> None:
    """A company that no switch will make fit is not connected in the first place."""
    if found := refusals(company_checks(company.preferences(), info, {})):
        raise SetupError(
            f"{info.get('CompanyName', company.realm_id)} cannot be connected."
            f" {' '.join(check.evidence for check in found)}",
            found[0].todo,
        )


def _typed_back(setup: Setup, name: str, person: Person) -> None:
    """Real books: the operator types which company it is."""
    if not setup.settings.is_production or person.ask is None:
        return
    person.show(f"You picked {name}. These are real books.")
    for _ in range(_TRIES):
        if person.ask("Type the company's name to go on", False).strip() == name:
            return
        person.show("That is not its name.")
    raise SetupError(
        f"The name of {name} was not typed back, so it is not connected.",
        "Run `qbosync connect` again and pick the company that you mean.",
    )


def give_back(
    setup: Setup,
    keeper: Keeper,
    before: TokenBlob | None,
    keys: tuple[str, str],
    tokens: Tokens,
    transport: HttpTransport,
) -> None:
    """Leave in the keyring what was there before, and give the new token back.

    Not where an older one of this company lives: revoking one ends the app's access (documented).
    """
    keeper.save(before or TokenBlob())
    if before is not None and before.refresh_token:
        return
    with suppress(QbosyncError):
        revoke(endpoints_of(setup, transport), *keys, tokens.refresh_token, transport)
