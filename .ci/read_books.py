"""Reads the quickstart's books with beancount's and Fava's loaders, as the people who keep them do.

    read_books.py MAIN_FILE

Every document is there once, nothing is in error, and each receipt that a document names lies in the books.
"""

import collections
import pathlib
import sys

from beancount import loader
from beancount.core import data
from fava.core import FavaLedger

EXPENSES_BOOKED = 23


def main():
    # Fava takes absolute paths only.
    path = str(pathlib.Path(sys.argv[1]).absolute())
    entries, errors, _ = loader.load_file(path)
    assert not errors, errors
    keys = collections.Counter(
        (entry.meta["pleo-entry"], entry.meta.get("pleo-part"), entry.meta.get("pleo-revision"))
        for entry in entries
        if isinstance(entry, data.Transaction) and "pleo-entry" in entry.meta
    )
    twice = [key for key, times in keys.items() if times > 1]
    assert not twice, twice
    expenses = {entry for entry, _, _ in keys}
    assert len(expenses) == EXPENSES_BOOKED, f"{len(expenses)} expenses instead of {EXPENSES_BOOKED}"

    ledger = FavaLedger(path)
    assert not ledger.errors, ledger.errors
    documents = ledger.all_entries_by_type.Document
    transactions = ledger.all_entries_by_type.Transaction
    assert len(transactions) == len(keys), f"fava sees {len(transactions)} transactions instead of {len(keys)}"
    print(f"beancount and fava: {len(expenses)} expenses, {len(keys)} transactions, {len(documents)} receipts, 0 errors")


if __name__ == "__main__":
    main()
