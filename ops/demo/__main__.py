"""``python -m ops.demo``: the same as ``relay demo``."""

from __future__ import annotations

import argparse
import sys

from ops.demo import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="relay demo")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    sys.exit(main(output=options.output, keep=options.keep))
