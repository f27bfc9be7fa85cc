"""Which files beancount's loader takes for an include line: a list of [folder, pattern] in, a list of lists out.

The three lines in the middle are those of `beancount.loader._parse_recursive`. Folders and links that lead nowhere are
left out: beancount ends with an error there.
"""

import glob
import json
import os
import sys


def included(folder, pattern):
    search_path = pattern if os.path.isabs(pattern) else os.path.join(folder, pattern)
    matched = glob.glob(search_path, recursive=True)
    files = {os.path.normpath(name) for name in matched}
    return sorted({os.path.realpath(name) for name in files if os.path.isfile(name)})


if __name__ == "__main__":
    json.dump([included(folder, pattern) for folder, pattern in json.load(sys.stdin)], sys.stdout)
