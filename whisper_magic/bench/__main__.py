"""Run a suite and print its table, then its figures as JSON on the last line."""

from __future__ import annotations

import argparse
import json

from whisper_magic.bench import startup

SUITES = {"startup": startup.run}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m whisper_magic.bench", description=__doc__)
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("--repeats", type=int, default=7, help="runs of each side (default: 7)")
    arguments = parser.parse_args()
    print(json.dumps(SUITES[arguments.suite](arguments.repeats)))


if __name__ == "__main__":
    main()
