"""Whether those who have the ledger open see that a batch came in: beancount's cache and Fava, as people run them.

    see_new_batch.py LEDGER

Loads the ledger with both, says `loaded`, waits for a line, and then says what each sees.
"""

import os
import pathlib
import sys
import tempfile
import time

from beancount import loader
from beancount.core import data
from fava.core import FavaLedger

# Fava's usual watcher learns of changes from the system, a little later.
PATIENCE_SECONDS = 20


def transactions(entries):
    return sum(isinstance(entry, data.Transaction) for entry in entries)


def changed(ledger, meanwhile=lambda: None):
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        meanwhile()
        if ledger.changed():
            return True
        time.sleep(0.05)
    return False


def main():
    path = str(pathlib.Path(sys.argv[1]).absolute())
    polling, watching = FavaLedger(path, poll_watcher=True), FavaLedger(path)
    assert not polling.changed()
    # A watcher is at work once it has seen a change; it misses those before, and those before the time of the last batch,
    # which may be a second ahead.
    assert all(changed(ledger, lambda: os.utime(path)) for ledger in (watching, polling))

    # Any load is worth a cache file here; by default it must take a second.
    cache = pathlib.Path(tempfile.mkdtemp()) / "cache"
    cached_load = loader.pickle_cache_function(lambda _: str(cache), 0, loader._uncached_load_file)

    def load():
        return transactions(cached_load(path, None, None, None)[0])

    before = load()
    assert load() == before and cache.exists()
    print("loaded", flush=True)

    sys.stdin.readline()
    print(f"cache: {load() - before} more", flush=True)
    for name, ledger, is_changed in (("polling", polling, polling.changed()), ("watching", watching, changed(watching))):
        more = transactions(ledger.all_entries_by_type.Transaction) - before
        print(f"{name} fava: changed {is_changed}, {more} more", flush=True)


if __name__ == "__main__":
    main()
