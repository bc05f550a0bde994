"""The families of changes, in the rounds in which they are tried."""

from __future__ import annotations

from grader.diagnose.changes.chances import change_chances
from grader.diagnose.changes.closed import change_differences
from grader.diagnose.changes.joins import (
    divide_derivatives,
    double_branches,
    multiply_branches,
    reweigh_pieces,
)
from grader.diagnose.changes.mixing import remake_shares
from grader.diagnose.changes.paths import choose_branches, scale_flows
from grader.diagnose.changes.sides import choose_sides, keep_one_entry
from grader.diagnose.changes.upstreams import forget_upstream
from grader.diagnose.forward.places import slip_at_one_place
from grader.diagnose.forward.replays import replay_values
from grader.diagnose.forward.rewrites import rewrite_calls
from grader.diagnose.forward.skips import skip_values
from grader.diagnose.links.factors import (
    forget_denominators,
    keep_constants,
    replace_adjoints,
)
from grader.diagnose.links.points import mirror_links, move_links, move_steps
from grader.diagnose.links.stretches import (
    keep_diagonals,
    move_stretches,
    multiply_pairs,
    skip_mixing_stretches,
    skip_odd_stretches,
    skip_stretches,
    turn_stretches,
)
from grader.diagnose.links.tempting import (
    skip_links,
    use_rules_on_stretches,
    use_tempting_rules,
)
from grader.diagnose.loops.repeats import repeat_scales, repeat_slips
from grader.diagnose.scene import Family
from grader.diagnose.wide.branches import skip_on_one_way
from grader.diagnose.wide.extras import add_slopes, add_terms, scale_by_sums
from grader.diagnose.wide.likenesses import replace_operands, replace_slopes
from grader.diagnose.wide.multiples import add_factors
from grader.diagnose.wide.twists import twist_flows

# Families are tried in rounds, a later one when the earlier ones explain nothing.
# The first finds the kinds that come first in the order of precedence.
ROUNDS: tuple[tuple[Family, ...], ...] = (
    (
        scale_flows,
        choose_branches,
        keep_one_entry,
        skip_links,
        remake_shares,
        double_branches,
        choose_sides,
    ),
    (
        use_tempting_rules,
        skip_on_one_way,
        move_links,
        move_steps,
        multiply_branches,
        multiply_pairs,
        keep_constants,
        mirror_links,
        forget_denominators,
        reweigh_pieces,
        repeat_scales,
        skip_stretches,
        use_rules_on_stretches,
        replace_adjoints,
        add_factors,
    ),
    (
        change_differences,
        change_chances,
        divide_derivatives,
        skip_mixing_stretches,
        move_stretches,
        repeat_slips,
    ),
    (
        turn_stretches,
        keep_diagonals,
        forget_upstream,
        rewrite_calls,
        replay_values,
        skip_values,
        slip_at_one_place,
        skip_odd_stretches,
        twist_flows,
        add_slopes,
        scale_by_sums,
        add_terms,
        replace_slopes,
        replace_operands,
    ),
)
# What these say is less plain than what the others say: it comes after them.
VAGUE = frozenset(
    (
        *(replace_adjoints, add_factors, add_terms, replace_slopes, replace_operands),
        skip_odd_stretches,
    )
)
