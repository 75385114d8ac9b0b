"""Run one seed again: `python -m libs.testkit.sim 41 --log`."""

from __future__ import annotations

import argparse
import sys

from libs.testkit.sim.scenario import run


def main() -> None:
    """Run the seed, with every log event in virtual time when asked."""
    asked = argparse.ArgumentParser(prog="python -m libs.testkit.sim", description=__doc__)
    asked.add_argument("seed", type=int)
    asked.add_argument("--log", action="store_true", help="print every log event and its virtual time")
    options = asked.parse_args()
    fleet = run(options.seed, verbose=options.log)
    records = sum(following - 1 for following, _ in fleet.chain.state.lanes)
    sys.stdout.write(f"seed {options.seed} holds: {records} records, {fleet.chain.height} blocks\n")


if __name__ == "__main__":
    main()
