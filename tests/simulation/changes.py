"""All that a shop does, by name, and how often."""

from __future__ import annotations

from tests.simulation import money, ordering

CHANGES = {
    ordering.new_order: 14, ordering.advance: 16, ordering.go_back: 2, ordering.hold: 2,
    ordering.void: 2, ordering.misspell: 1, ordering.edit_order: 5, ordering.shrink_order: 3,
    ordering.break_total: 1, ordering.remake: 0.4, ordering.reclass: 0.7,
    ordering.charge_later: 0.6, ordering.renumber: 1, ordering.override: 1, ordering.rename: 1,
    ordering.incorporate: 0.4, ordering.merge: 0.4,
    money.pay: 11, money.pay_all: 1, money.apply_rest: 5, money.move_payment: 2,
    money.undo_payment: 1.2, money.come_again: 1.2, money.new_credit: 4, money.write_off: 1,
    money.cash_discount: 0.7, money.spend_credit: 5, money.delete_credit: 1,
    money.new_charge: 4, money.edit_charge: 2, money.delete_charge: 1, money.refund: 1,
}  # fmt: skip
BY_NAME = {change.__name__: change for change in CHANGES}
