"""Source records become drafts, one module per sales form.

Pure: a mapping sees the snapshot, the policy and the ledger's memory, and is handed
today's date.  It speaks of other objects by `Key` only.
"""
