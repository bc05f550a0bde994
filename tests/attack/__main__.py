"""`make attack`: grade every attack, each with a neighbour after it; tell surprises."""

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.attack import scene as scenes
from tests.attack.attacks import list_attacks
from tests.attack.judge import judge_run


def run(root, attacks, workers=1):
    """Attack a course in a folder; give outcomes and surprises of the whole."""
    ears = scenes.Ears(root)
    try:
        scene = scenes.build(root, ears.port, ears.path)
        scenes.hand_in(scene, attacks)
        before = scenes.fingerprint(scene)
        with scenes.adopt_orphans() as known:
            printed, errors, code = scenes.grade(scene, workers)
            left = [one for one in scenes.find_left(scene, before) if one not in known]
        if code not in {0, 1} or not printed:
            return [], [f"the command ended with {code}: {errors[-2000:]}"]
        outcomes, rest = judge_run(scene, attacks, printed)
        return outcomes, [*rest, *left, *ears.hear()]
    finally:
        ears.close()


def write_table(outcomes):
    """Give the table: name, family, due, given, contained how."""
    for outcome in outcomes:
        attack = outcome.attack
        flag = "!" if outcome.surprises else " "
        yield (
            f"{flag} {attack.name[:42]:42} {attack.family[:21]:21}"
            f" {outcome.due:4g} {outcome.given:5g}  {outcome.how[:60]}"
        )
        yield from (f"    SURPRISE {text[:500]}" for text in outcome.surprises)


def main():
    """Run the set, or those that are named; exit 1 on any surprise."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("names", nargs="*", help="patterns; without any: all")
    parser.add_argument("--workers", type=int, default=1, help="1 keeps the order")
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    options = parser.parse_args()
    wanted = re.compile("|".join(options.names))
    found = list_attacks()
    attacks = [a for a in found if wanted.search(f"{a.name} | {a.family}")]
    started = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="grader-attacks-"))
    try:
        outcomes, rest = run(root, attacks, options.workers)
    finally:
        if options.keep:
            print(f"kept: {root}")
        else:
            scenes.remove(root)
    print(f"  {'attack':42} {'family':21}  due given  contained how")
    print("\n".join(write_table(outcomes)))
    print("".join(f"SURPRISE {text[:1000]}\n" for text in rest), end="")
    kinds = Counter(outcome.attack.kind for outcome in outcomes)
    count = sum(len(outcome.surprises) for outcome in outcomes) + len(rest)
    print(
        f"{kinds['cheat']} cheats, {kinds['fault']} faults, each with a neighbour: "
        f"{count or 'no'} surprises ({time.monotonic() - started:.0f} s)"
    )
    return 1 if count or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
