"""Which of these names beancount takes for accounts: a list of names in, a list of true and false out."""

import json
import sys

from beancount.parser import parser

if __name__ == "__main__":
    names = json.load(sys.stdin)
    json.dump([not parser.parse_string(f"2020-01-01 open {name}\n")[1] for name in names], sys.stdout)
