"""The bugs that are planted: what is claimed, where it is broken, and the test that notices.

A plant replaces one piece of text that stands exactly once in its file, so that a plant that
no longer fits is noticed too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plant:
    """One bug: `old` becomes `new` in `file`; `test` fails then, and only then."""

    claim: str
    bug: str
    file: str
    old: str
    new: str
    test: str


LOST = "tests/test_lost_answers.py::"
LAYER = "tests/test_layers.py::"
TWO = "tests/test_two_at_once.py::"
TOKEN = "tests/test_qbo_oauth.py::"
WIRE = "tests/test_qbo_transport.py::"

PLANTS = (
    Plant(
        "an intent is on the disk before its request leaves",
        "no intent is entered",
        "qbosync/ledger/__init__.py",
        """                self._put("intents", row)
""",
        "",
        "tests/test_crash.py::test_a_request_leaves_only_after_its_intent_is_on_the_disk",
    ),
    Plant(
        "an intent is on the disk before its request leaves",
        "the intent is entered after sending",
        "qbosync/execute.py",
        """if sent := self._intend(group):
""",
        """if (sent := ([intent for _, intent in group], "")) and (
                        self._request(*sent) and self._intend(group)
                    ):
""",
        "tests/test_crash.py::test_a_request_leaves_only_after_its_intent_is_on_the_disk",
    ),
    Plant(
        "what is committed survives a power cut",
        "WAL with synchronous = NORMAL",
        "qbosync/ledger/schema.py",
        '"synchronous": 2,',
        '"synchronous": 1,',
        LAYER + "test_a_commit_is_on_the_disk_when_it_returns",
    ),
    Plant(
        "a ledger's writer waits for another, and never works on an old view",
        "a deferred BEGIN",
        "qbosync/ledger/file.py",
        'self.db.execute("BEGIN IMMEDIATE")',
        'self.db.execute("BEGIN")',
        LAYER + "test_a_writer_holds_the_ledger_from_its_beginning",
    ),
    Plant(
        "a request id is computed, not drawn",
        "random request ids",
        "qbosync/operation.py",
        "parts = (environment, realm_id, key.entity, key.source, action, epoch, body)",
        "parts = (environment, realm_id, key.entity, key.source, action, epoch, body, id(body))",
        LAYER + "test_the_request_id_alone_also_serves_a_ledger_that_knows_nothing",
    ),
    Plant(
        "what is sent again goes under its own request id",
        "a new request id for each attempt",
        "qbosync/recover.py",
        "intent.body, intent.request_id)",
        'intent.body, f"{intent.attempts}{intent.request_id}"[:36])',
        LAYER + "test_the_request_id_alone_lets_a_write_be_sent_again",
    ),
    Plant(
        "one request id never carries two bodies",
        "a request id without the body in it",
        "qbosync/operation.py",
        "key.source, action, epoch, body)\n    return",
        "key.source, action, epoch)\n    return",
        LAYER + "test_one_request_id_never_carries_two_bodies",
    ),
    Plant(
        "sandbox and production never share a request id",
        "a request id without the environment in it",
        "qbosync/operation.py",
        "parts = (environment, realm_id, key.entity,",
        "parts = (realm_id, key.entity,",
        LAYER + "test_one_request_id_never_carries_two_bodies",
    ),
    Plant(
        "nothing is sent again before it was looked for",
        "no look",
        "qbosync/recover.py",
        "        there = found.get(intent.key, [])\n",
        "        there = []\n",
        LAYER + "test_looking_first_alone_finds_what_arrived",
    ),
    Plant(
        "what is looked for is known by our mark",
        "looked for by number only",
        "qbosync/search.py",
        '                bodies = {str(body["Id"]): body for body in recent}\n',
        "                bodies = {}\n",
        LAYER + "test_looking_first_goes_by_our_mark_and_not_only_by_the_number",
    ),
    Plant(
        "QuickBooks is given time to apply late",
        "no waiting",
        "qbosync/settle.py",
        "    is_over = now >= until\n",
        "    is_over = True\n",
        LOST + "test_a_create_that_is_applied_late_is_found",
    ),
    Plant(
        "nothing unknown is sent again in the same run",
        "sent again at once",
        "qbosync/landing.py",
        """        until = intent.last_sent + self.work.shop.resend_after
        problem = waiting(""",
        """        until = intent.last_sent + self.work.shop.resend_after
        self.company.write(
            Call(intent.action.value, intent.key.entity.value, intent.body, "q" + intent.request_id)
        )
        problem = waiting(""",
        LAYER + "test_looking_first_alone_finds_what_arrived",
    ),
    Plant(
        "an answer counts only if it is about what was sent",
        "any HTTP 200 is success",
        "qbosync/proof.py",
        "    if is_another(intent.body, differences):\n",
        "    if False:\n",
        LOST + "test_an_answer_about_another_document_is_not_entered",
    ),
    Plant(
        "an answer counts only if it is about what was sent",
        "an update answered with another Id is entered",
        "qbosync/qbo/answer.py",
        """    if "Id" in call.body and str(call.body["Id"]) != str(body["Id"]):
""",
        """    if False:
""",
        LOST + "test_an_update_answered_with_another_id_is_not_entered",
    ),
    Plant(
        "what may have been applied is unknown, not refused",
        "an answer without sense is a refusal",
        "qbosync/qbo/client.py",
        """    return Answer("unknown", reason=reason, trace_id=heard.trace_id)
""",
        """    return Answer("refused", fault=heard.fault, reason=reason, trace_id=heard.trace_id)
""",
        LAYER + "test_the_proof_of_an_answer_alone_takes_no_senseless_one_for_success_or_refusal",
    ),
    Plant(
        "a number that is taken by a stranger holds the record",
        "6140 is success",
        "qbosync/landing.py",
        "judged.verdict is not Verdict.OURS or judged.object is None:\n            return",
        "judged.object is None:\n            return",
        LAYER + "test_a_number_that_is_taken_by_a_stranger_is_not_taken_for_ours",
    ),
    Plant(
        "a document with our mark that says something else is a person's",
        "whatever bears our mark is adopted",
        "qbosync/recognise.py",
        "        if difference := unlike(draft, ours[0]):\n",
        '        if difference := "":\n',
        "tests/test_plan.py::test_a_document_with_our_mark_is_adopted_if_it_says_the_same",
    ),
    Plant(
        "one customer's documents are never in two requests at once",
        "lanes by document",
        "qbosync/execute.py",
        "            lanes[self._lane(pair[0])].append(pair)\n",
        "            lanes[str(pair[0].key)].append(pair)\n",
        LAYER + "test_one_customers_documents_are_never_in_flight_together",
    ),
    Plant(
        "a redirect is an answer, and a token never goes along",
        "redirects are followed",
        "qbosync/qbo/transport.py",
        "                answer = self._adapter.send(prepared, stream=True, timeout=limits)\n",
        "                answer = requests.Session().send(prepared, stream=True, timeout=limits)\n",
        WIRE + "test_a_redirect_is_an_answer_and_not_followed",
    ),
    Plant(
        "no server holds a run by trickling",
        "a timeout for each read only",
        "qbosync/qbo/trip.py",
        "        return self.ends - self.clock.monotonic()\n",
        "        return 90.0\n",
        WIRE + "test_a_server_that_trickles_is_cut_at_the_deadline",
    ),
    Plant(
        "a restored backup is noticed",
        "the keyring's number is not compared",
        "qbosync/keeper.py",
        '    if not is_same or blob.ledger_seq > int(ledger.fact("sequence") or 0):\n',
        "    if not is_same:\n",
        LAYER + "test_a_ledger_that_is_older_than_the_keyring_knows_creates_nothing",
    ),
    Plant(
        "what a ledger forgot is looked for by its mark, whatever its number and date are now",
        "marks are looked for only while late writes may show",
        "qbosync/rebuilding.py",
        "return self.is_open or source in self.sources",
        "return self.is_open",
        "tests/test_forgotten.py::test_a_payment_that_was_forgotten_is_not_made_again_under_another_date",
    ),
    Plant(
        "an answer that QuickBooks repeats from before the ledger was lost is looked up",
        "a repeated answer is believed",
        "qbosync/proof.py",
        "not made or made > intent.first_sent - _MARGIN",
        "True",
        "tests/test_forgotten.py::test_an_answer_about_an_invoice_that_was_deleted_meanwhile_is_not_believed",
    ),
    Plant(
        "a ledger that forgot creates nothing at first",
        "no adopt-only",
        "qbosync/rebuilding.py",
        "    return until if until > now else None\n",
        "    return None\n",
        LAYER + "test_adopting_only_alone_keeps_a_ledger_that_forgot_from_writing",
    ),
    Plant(
        "a lock lives as long as its process, whoever closes the file",
        "lockf in place of flock",
        "qbosync/lock.py",
        "        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        LAYER + "test_a_second_lock_of_the_same_process_is_refused_too",
    ),
    Plant(
        "a lock file that was deleted keeps the second run out all the same",
        "the lock file is not looked at again",
        "qbosync/lock.py",
        "                if os.path.samestat(os.fstat(descriptor), os.stat(self._path)):\n",
        "                if True:\n",
        "tests/test_lock.py::test_a_lock_on_a_file_that_was_deleted_meanwhile_is_not_taken_for_one",
    ),
    Plant(
        "the lock file is never unlinked",
        "unlinked when the run is over",
        "qbosync/lock.py",
        "        for descriptor in self._descriptors:\n",
        "        os.unlink(self._path)\n        for descriptor in self._descriptors:\n",
        "tests/test_lock.py::test_the_file_stays_when_the_run_is_over",
    ),
    Plant(
        "a lock file that somebody deletes lets nobody in",
        "only the lock file is locked",
        "qbosync/lock.py",
        "[descriptor, *self._ledger_too()]",
        "[descriptor]",
        TWO + "test_cron_and_a_hand_at_the_same_time_write_once",
    ),
    Plant(
        "another machine of the same name is noticed",
        "what it wrote is taken for ours",
        "qbosync/foreign.py",
        "if operation.key not in sent and _is_after(document, seen_since):",
        "if not operation.key:",
        TWO + "test_two_machines_with_copies_of_one_ledger_stop_and_one_takes_over",
    ),
    Plant(
        "another instance is noticed",
        "its marks are passed over",
        "qbosync/foreign.py",
        "    if theirs:\n",
        "    if theirs and not instance:\n",
        TWO + "test_another_instance_in_the_company_stops_both_until_one_takes_over",
    ),
    Plant(
        "what another machine wrote is not written again",
        "what changed is not searched for our marks",
        "qbosync/lookup.py",
        "objects[key] = _once((*shown, *objects.get(key, ())))",
        "objects[key] = objects.get(key, ())",
        TWO + "test_a_payment_that_another_machine_wrote_is_not_written_again",
    ),
    Plant(
        "a ledger on a network disk is not used",
        "network disks are not asked for",
        "qbosync/lock.py",
        'return kind if kind in _NETWORK else ""',
        'return ""',
        TWO + "test_a_network_disk_is_refused",
    ),
    Plant(
        "a new token is kept before it is used",
        "used before it is kept",
        "qbosync/qbo/session.py",
        "        self._unsaved = tokens\n",
        "        self._unsaved = None\n        self._tokens = tokens\n",
        TOKEN + "test_a_token_that_could_not_be_kept_is_kept_later_and_not_used_before",
    ),
    Plant(
        "the keyring is proven writable before Intuit is asked",
        "not proven",
        "qbosync/qbo/session.py",
        "        self._keeper.save(blob)\n        try:\n            tokens",
        "        try:\n            tokens",
        TOKEN + "test_nothing_is_asked_of_intuit_while_the_keeper_cannot_write",
    ),
    Plant(
        "the token before is kept beside the new one",
        "it is thrown away",
        "qbosync/qbo/session.py",
        "                previous_refresh_token=before,\n",
        '                previous_refresh_token="",\n',
        TOKEN + "test_a_new_refresh_token_is_kept_before_it_is_used_and_the_old_one_beside_it",
    ),
    Plant(
        "a new token survives a kill while the keyring takes it",
        "it is not put down before",
        "qbosync/tokens/rescue.py",
        "        if is_new and key:\n",
        "        if False:\n",
        "tests/test_tokens.py::"
        "test_a_token_whose_run_was_killed_while_storing_it_is_there_for_the_next",
    ),
    Plant(
        "a token that Intuit refused is asked about once a day",
        "it is asked about with every run",
        "qbosync/qbo/session.py",
        "        if blob.refused_at and timedelta() <= now - blob.refused_at < _AGAIN:\n",
        "        if False:\n",
        TOKEN + "test_a_refused_token_is_asked_about_once_a_day_until_somebody_connects",
    ),
    Plant(
        "no two programs ask for a token at once",
        "check asks beside a run",
        "qbosync/examine/__init__.py",
        "            with alone(setup, connection.environment, connection.realm_id):\n",
        "            with __import__('contextlib').nullcontext():\n",
        "tests/test_token_life.py::test_check_asks_for_no_token_while_a_run_is_going",
    ),
    Plant(
        "a keyring that would ask somebody is not asked where nobody is",
        "it is asked all the same",
        "qbosync/tokens/system.py",
        "        if not self._is_alone or not self._is_secret_service:\n",
        "        if True:\n",
        "tests/test_keyring.py::"
        "test_a_keyring_that_cannot_be_used_is_exit_4_with_the_recipe_that_fits",
    ),
    Plant(
        "what the keyring keeps is read back",
        "no reading back",
        "qbosync/tokens/system.py",
        "get_password(SERVICE, account)) != text:",
        "get_password(SERVICE, account)) == text + text:",
        "tests/test_tokens.py::test_a_keyring_that_forgets_is_noticed_at_once",
    ),
    Plant(
        'a keyring that says nothing is a person\'s, never "not connected"',
        "None is taken for not connected",
        "qbosync/keeper.py",
        "        blob = self.store.load(self.account)\n        if blob is None:\n",
        "        blob = self.store.load(self.account) or TokenBlob()\n        if blob is None:\n",
        LAYER + "test_a_keyring_that_says_nothing_is_never_not_connected",
    ),
    Plant(
        "any trouble of a keyring is a sentence and exit 4",
        "only its own errors are caught",
        "qbosync/tokens/system.py",
        "except BaseException as error:  # any backend, any error",
        "except ValueError as error:  # any backend, any error",
        "tests/test_tokens.py::test_any_error_of_a_keyring_is_a_sentence_without_secrets",
    ),
    Plant(
        "QuickBooks' own tax stops the run at the first document",
        "the total is not compared",
        "qbosync/wire.py",
        "    if tax:\n",
        "    if False:\n",
        LAYER + "test_what_quickbooks_does_by_itself_stops_the_run_after_one_document",
    ),
    Plant(
        "money that QuickBooks applies by itself stops the run",
        "the balance is not compared",
        "qbosync/wire.py",
        '    if entity is Entity.INVOICE and "Id" not in sent and balance != total:\n',
        "    if False:\n",
        LAYER + "test_what_quickbooks_does_by_itself_stops_the_run_after_one_document",
    ),
    Plant(
        "a ledger serves one company of one environment",
        "neither is compared",
        "qbosync/wiring.py",
        '    if (ledger.fact("environment"), ledger.fact("realm_id")) != wanted:\n',
        "    if False:\n",
        LAYER + "test_a_ledger_of_another_company_or_environment_is_refused",
    ),
    Plant(
        "a batch's request id is never sent twice",
        "the same for the same items",
        "qbosync/execute.py",
        '            parts = [self.work.ledger.fact("uuid"), self.work.outcome.run_id, now, ids]\n',
        "            parts = [ids]\n",
        LAYER + "test_no_batch_goes_under_an_id_that_was_used_before",
    ),
    Plant(
        "what is deposited is not touched",
        "a deposited payment is changed",
        "qbosync/mapping/posted.py",
        """    return any(link.get("TxnType") == "Deposit" for link in payment.get("LinkedTxn", []))
""",
        """    return False
""",
        "tests/test_deposited.py",
    ),
)
