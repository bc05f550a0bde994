"""`make bank`: how many planted mistakes are caught, and how they are named."""

import sys
from collections import Counter, defaultdict

from grader.diagnose.search import find_names
from tests.diagnose.bank import (
    eighth,
    eleventh,
    fifth,
    first,
    fourth,
    ninth,
    second,
    seventh,
    sixth,
    tenth,
    third,
    twelfth,
)
from tests.diagnose.bank.measure import is_caught, judge, make_trials

BANKS = {
    "first": first.EXERCISES,
    "second": second.EXERCISES,
    "third": third.EXERCISES,
    "fourth": fourth.EXERCISES,
    "fifth": fifth.EXERCISES,
    "sixth": sixth.EXERCISES,
    "seventh": seventh.EXERCISES,
    "eighth": eighth.EXERCISES,
    "ninth": ninth.EXERCISES,
    "tenth": tenth.EXERCISES,
    "eleventh": eleventh.EXERCISES,
    "twelfth": twelfth.EXERCISES,
}
LEAST_RIGHT, MOST_WRONG = 0.95, 0.01


def count_accused(exercises):
    """Count right answers, and those that are called wrong all the same."""
    counts = Counter()
    for exercise in exercises:
        for wrt, answer in exercise.right:
            trials = make_trials(exercise, wrt, answer)
            named = find_names(exercise.of, trials, (wrt,))
            counts["right answers"] += 1
            counts["accused"] += is_caught(exercise, wrt, trials) or bool(named)
    return counts


def judge_all(exercises, group):
    """Judge all planted answers of a group."""
    return [
        judge(exercise, planted)
        for exercise in exercises
        for planted in getattr(exercise, group)
    ]


def tell_failure(outcome, group):
    """Print what was named otherwise than planted."""
    planted, named = outcome.planted, outcome.diagnosis
    said = f"{named.kind}: {named.message}" if named else "no name"
    kinds = "|".join(sorted(planted.kinds)) or "no name"
    print(
        f"  {group}: {outcome.exercise}, {planted.wrt}: {planted.text}\n"
        f"    planted {kinds}; {outcome.verdict}: {said}"
    )


def tell_kinds(outcomes):
    """Print the single mistakes by the kind they were planted as."""
    table = defaultdict(Counter)
    for outcome in outcomes:
        for kind in outcome.planted.kinds:
            table[kind]["planted"] += 1
            table[kind][outcome.verdict] += 1
    columns = ("planted", "right", "second", "wrong", "silent")
    print(f"\n{'kind':20}" + "".join(f"{column:>9}" for column in columns))
    for kind, counts in sorted(table.items()):
        print(f"{kind:20}" + "".join(f"{counts[column]:9}" for column in columns))


def main(names):
    """Print the figures; fail where they are below the targets."""
    exercises = [e for name in names or BANKS for e in BANKS[name]]
    accused = count_accused(exercises)
    groups = {g: judge_all(exercises, g) for g in ("wrong", "double", "unexplained")}
    single = Counter(outcome.verdict for outcome in groups["wrong"])
    good = {
        "wrong": {"right"},
        "double": {"right", "silent"},
        "unexplained": {"silent"},
    }
    for group, outcomes in groups.items():
        for outcome in outcomes:
            if outcome.verdict not in good[group] or not outcome.caught:
                tell_failure(outcome, group)
    tell_kinds(groups["wrong"])
    total = len(groups["wrong"])
    missed = sum(not o.caught for outcomes in groups.values() for o in outcomes)
    false = sum(o.verdict not in good["double"] for o in groups["double"])
    named = sum(o.verdict != "silent" for o in groups["unexplained"])
    print(f"\n{len(exercises)} functions")
    print(f"not caught: {missed} of {sum(map(len, groups.values()))}")
    print(f"single mistakes named right: {single['right']} of {total}")
    print(f"single mistakes named wrong: {total - single['right'] - single['silent']}")
    print(f"two mistakes, named as none of them: {false} of {len(groups['double'])}")
    print(f"unexplained, yet named: {named} of {len(groups['unexplained'])}")
    print(f"right answers accused: {accused['accused']} of {accused['right answers']}")
    wrong = (total - single["right"] - single["silent"]) / total
    under = single["right"] / total < LEAST_RIGHT or wrong > MOST_WRONG
    return int(bool(under or missed or false or named or accused["accused"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
