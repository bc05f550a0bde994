"""Every sentence that a check says to a student, in one place; tests assert them."""

from __future__ import annotations

STATUS_WORDS = {
    "right": ("✓", "right"),
    "partial": ("◐", "partly right"),
    "wrong": ("✗", "not right yet"),
    "unsolved": ("○", "not solved yet"),
    "raised": ("!", "your code raised an error"),
    "cheated": ("✗", "not by hand"),
}

BARE_REPORT = "A report is worth 0 points: end a check cell in .points(n)."
WHAT_LABEL = "What happened"
OR_LABEL = "Or"
LOOK_LABEL = "Where to look"
NEXT_LABEL = "Next"
AUTOGRAD = "autograd's"
REFERENCE = "the reference's"
EXPERIMENT = "the experiment's"
TABLE_HEAD = ("", "quantity", "yours", "{versus}", "relative error")
ENTRY_HEAD = ("index", "yours", "{versus}", "relative error")
ROW_RIGHT = "✓ right"
ROW_WRONG = "✗ wrong"
ROW_BLANK = "○ open"
NOT_FINITE_ERROR = "not finite"
TRUE_ZERO = "true value is 0"
WORST_ENTRIES = (
    "{row.quantity}: {row.off} of {row.total} entries are off; worst {shown}:"
)

# Headlines and next steps.
RIGHT = "Agrees with {versus} values at {draws} fresh draws."
RIGHT_AT = "Agrees with {versus} values at the given point."
SOME_DRAWS = "Right at {right} of {draws} draws; this one shows the difference."
PARTIAL = "{right} of {total} parts are right."
STUB = (
    r"(Exercise [^:]+): (.+?)\.?$"  # how a stub names its exercise and what to return
)
UNSOLVED_STUB = "{exercise} is not solved yet: {what}."
UNSOLVED = "The answer cell still holds the exercise's stub."
UNSOLVED_NEXT = (
    "replace the raise line in the answer cell, run it, then run this again."
)
RAISED = "{name}: {text}"
RAISED_LINE = "The line that raised it: {line}"
RAISED_NEXT = "call your function on small numbers in a cell of its own and look there."
MIXED_DEVICES = (
    "with the same numbers on the CPU it runs: make the tensors of your own "
    "where the inputs are, with `device=x.device` ({device} here)."
)
NO_PATTERN = (
    "No single mistake that this check knows explains these numbers. "
    "Take one of them and work it out on paper, step by step."
)
FIX_NEXT = "mend it in the answer cell, run that cell, then run this one again."
SHOWN_DRAW = "Shown: the first draw that differs, with {inputs}."
PRINTED = "Your function printed: {text}"
WARNED = "PyTorch warned: {text}"

GRADIENT_LABEL = "gradient for {name}"
JACOBIAN_LABEL = "Jacobian for {name}"
PATH_LABEL = "{name} after each of {steps} steps"
PATH_WORD = "the path"
AFTER_LABEL = "{name} afterwards"
VALUE_LABEL = "returned value"
ENTRY_LABEL = "entry {name!r}"
FIRST_BROKEN = (
    "First broken link, going backward: {name}. Mend it before those that follow."
)

UNANSWERED = "not answered yet"
NOT_SHOWN = "not this"  # recall: the experiment tells, not the report
ANSWERS_NEXT = (
    "work out each marked entry again; where there is an experiment, run it and look "
    "at what it prints."
)
ANSWERS_DICT = (
    "Your answer is {got}; a dict with one entry for each question is meant.",
    'Write {{"{name}": ...}}, with the names of the exercise as keys.',
)
UNKNOWN_ENTRIES = "Not asked for: {got}. The entries are {names}."
KINDS_HEAD = ("kind", "what it means")
ANSWERS_TITLE = "answers"
EXERCISE_FIRST = "{exercise} comes first: {what}."
COMES_FIRST = "{stub} comes first."

# Reading an answer: (message, where to look).
NONE_RETURNED = (
    "Your {name} is None.",
    "backward() returns None, and .grad is None before it: does every path end in a "
    "return?",
)
NO_GRAD_ARRIVED = (
    "No gradient arrived in {name}.",
    "Which tensor was backward() called on, and is there a tracked path to {holder}?",
)
SPECIAL_TENSOR = "a tensor of a special kind (sparse, nested, quantised or meta)"
NOT_A_TENSOR = (
    "Your {name} is {got}, not a tensor or a number.",
    "What stands after return?",
)
MISSING_NAME = (
    "Your answer has no entry {name!r}; it has {got}.",
    "Return a dict with the names of the exercise as keys.",
)
WRONG_COUNT = (
    "The exercise asks for {want} ({names}); your function returned {got}.",
    "Return them in this order, separated by commas.",
)
WRONG_DTYPE = (
    "Your {name} came back as {got}; a gradient needs floating point ({want}).",
    "Where do whole numbers, complex numbers or truth values enter your computation?",
)
LOW_PRECISION = (
    "Your {name} is right only as far as {got} can tell; the inputs are {want}.",
    "Where does your computation change the dtype? .float(), a fresh tensor?",
)
WRONG_SHAPE = (
    "Your {name} has shape {got}; it should be {want}.",
    "Write the shape of each step beside it: where does an axis appear or vanish?",
)
NOT_FINITE = (
    "Your {name} holds {count} that are not finite ({got}).",
    "Which step divides by zero, takes the log of zero or overflows?",
)
NOT_FINITE_EXPECTED = (
    "Your {name} is {got} where autograd's is {want}.",
    "Which step divides by zero, takes the log of zero or overflows?",
)
DETACHED = (
    "Your result has lost its link to the inputs, so backward() had nothing to follow.",
    "Has a leaf requires_grad=True? If so, look for detach(), no_grad(), .item(), "
    "float() or torch.tensor(...) on the way.",
)
ONE_ENTRY_NOTE = (
    "{name}: accepted, though its shape is {got}; {want} is meant. "
    "() is one number, (1,) a list that holds one."
)
LOWER_DTYPE_NOTE = (
    "{name}: accepted, though it is {got} and the inputs are {want}; "
    "only about 6 digits could be compared."
)
ROUGH_NOTE = "{name}: accepted, though right only to the precision of float32."
MOVED_NOTE = "{name}: accepted, though it came back on {got}; the inputs are on {want}."

UNREADABLE = (
    "What your function returned cannot be read ({error}).",
    "Return a tensor, or a tuple or dict of tensors.",
)
NOT_CALLABLE = (
    "Your answer is {got}, not a function.",
    "Pass the function itself, without calling it: no brackets after its name.",
)
NO_SUCH_INPUT = (
    "Your function asks for {name!r}; this exercise gives {given}.",
    "Give its parameters the names of the exercise.",
)


# What PyTorch's most frequent errors mean: a part of the text, and what to look for.
_KNOWN_ERRORS = {
    "backward through the graph a second time": (
        "backward() frees what it needed: compute the result again before each one."
    ),
    "does not require grad and does not have a grad_fn": DETACHED[1],
    "can be implicitly created only for scalar outputs": (
        "backward() starts from one number: sum, mean, or pass an upstream tensor."
    ),
    "modified by an inplace operation": (
        "a tensor that backward() still needs was overwritten: make a new one instead."
    ),
    "leaf Variable that requires grad is being used in an in-place": (
        "update a parameter under torch.no_grad()."
    ),
    "Only Tensors of floating point": "make the tensor floating point: 3.0, not 3.",
    "appears to not have been used in the graph": (
        "this input does not reach the result: follow it line by line."
    ),
    "mat1 and mat2 shapes cannot be multiplied": (
        "write both shapes beside the product: the inner two must be equal."
    ),
    "must match the size of tensor": (
        "write both shapes beside the operation: which axes should meet?"
    ),
    "object has no attribute 'zero_'": (
        ".grad is None before the first backward() and after zero_grad()."
    ),
    "Can't call numpy() on": "numpy() leaves the graph; stay with torch operations.",
    "has no attribute 'backward'": (
        "a Python number has no backward(): keep the tensor, no .item(), no float()."
    ),
    "is not defined": "run the cells above, or check the spelling of the name.",
    "size mismatch": "write both shapes beside the product: which axes should meet?",
    "to have the same dtype": (
        "float32 meets float64: give new tensors dtype=x.dtype and device=x.device."
    ),
    "not enough values to unpack": (
        "fewer things were there than names: what was saved, or returned, before?"
    ),
    "save_for_backward can only save": (
        "it takes tensors only: put a plain number on the context, as in ctx.n = n."
    ),
    "only integer tensors of a single element": (
        "a tuple stands where a tensor is meant: (x,) = ctx.saved_tensors, with comma."
    ),
    "expected Variable or None": "backward must return tensors, no plain numbers.",
    "cannot unpack non-iterable": "a pair is meant there: mind its comma and brackets.",
    "'NoneType' object is not": "a function gave None: does it end in a return?",
}


def explain_error(text: str) -> str:
    """Say what a known error means, or return ""."""
    return next((said for part, said in _KNOWN_ERRORS.items() if part in text), "")


# Errors that tell the mistake: a part of the text → kind, (message, where to look).
TELLING_ERRORS = {
    "does not require grad and does not have a grad_fn": ("detached", DETACHED),
    "returned an incorrect number of gradients": (
        "none-returned",
        (
            "backward returns another number of gradients than forward has inputs.",
            "One for each argument of forward after ctx; None where none is due.",
        ),
    ),
    "returned an invalid gradient": (
        "shape",
        (
            "backward returns a gradient whose shape is not that of its input.",
            "Write the shape of each input of forward beside what backward returns.",
        ),
    ),
    "Legacy autograd function with non-static forward": (
        "detached",
        (
            "forward and backward must be static, and are used through .apply.",
            "Is @staticmethod above both, and is .apply called on the class?",
        ),
    ),
}

# A custom Function.
FORWARD_LABEL = "forward value"
SECOND_LABEL = "second order for {name}"
INSTANCE_GIVEN = (
    "This is an instance of your Function; the class itself is meant.",
    "No brackets after its name: the check calls .apply on the class.",
)
NO_APPLY = (
    "Your answer is {got}; a class made from torch.autograd.Function is meant.",
    "It has two static methods: forward(ctx, ...) and backward(ctx, grad_output).",
)
FORWARD_SHAPE = (
    "forward gives {got}; the shape {want} is due.",
    "Write the shape of each step of forward beside it.",
)
UPSTREAM_IGNORED = (
    "backward ignores the upstream gradient: it is right for .sum() alone.",
    "backward is given the slope of everything that follows: where does it enter?",
)
OUTPUT_FOR_INPUT = (
    "backward puts the output where its formula needs the input.",
    "Compare what ctx.save_for_backward saves with the letter in the formula.",
)
INPUT_FOR_OUTPUT = (
    "backward puts the input where its formula needs the output.",
    "Compare what ctx.save_for_backward saves with the letter in the formula.",
)
OWN_FORWARD = (
    "backward fits your forward, and forward is another function than the one asked.",
    "Mend forward first; its values are compared above.",
)
GRADCHECK = (
    "backward agrees at one call and not with differences of forward beside it.",
    "Does forward or backward depend on anything but its inputs, or change them?",
)
SECOND_CUT = (
    "The gradient has no graph of its own, so it cannot be differentiated again.",
    "Did forward save its inputs or outputs? What it made in between has no history.",
)
JACOBIAN_TRANSPOSED = (
    "Your Jacobian is the right one transposed.",
    "Which index counts the outputs? The outputs' axes come first.",
)

# Values and effects that differ by one constant: a kind, and how it is said.
RATIO_SIGN = (
    "Your {name} has the opposite sign everywhere.",
    "Where does a minus enter, and is one lost or written twice?",
)
RATIO_ZERO = (
    "Your {name} is zero everywhere.",
    "Which step made it zero, or was never reached?",
)
RATIO_FACTOR = (
    "Your {name} is {factor} times the right one everywhere.",
    "Which constant enters once too often or is missing?",
)
RATIO_ACCUMULATED = (
    "{name} is {factor} times the right one: gradients have been added up.",
    ".grad is added to by each backward(): what stood in it before?",
)
LEFTOVER = (
    "{name} is the right gradient and what stood in {holder}.grad before, added up.",
    ".grad is added to by each backward(): what should stand in it before?",
)
STANDING = (
    "{name} is as it was before the call: nothing has moved it.",
    "{name} = ... makes a new tensor under the old name; what changes the caller's?",
)
OTHER_WAY = (
    "{name} has moved by the right amount, and the wrong way.",
    "Which way does the slope point, and which way should the step go?",
)

# A training path: what the loop did, where to look.
FIRST_STEP_OFF = "The first step that is off is step {number}."
PATH_LENGTH = (
    "{name} has {got} entries; one for each of {want} steps is meant.",
    "Append the parameters once in each turn of the loop, after the update.",
)
PATH_KIND = (
    "The path is {got}; a list of {want} states is meant.",
    "Start with an empty list before the loop, and return it after.",
)
PATH_STATE = (
    "An entry of the path is {got}; the parameters {names} are meant.",
    "Append a dict with these names, or a tuple in this order.",
)
LOOP_STILL = (
    "The parameters never move.",
    "Follow one step: what is in the gradient when the update reads it?",
)
LOOP_STALE = (
    "Each step uses the sum of all gradients so far: the old ones are never cleared.",
    ".grad is added to by each backward(): what should stand in it before?",
)
LOOP_ASCENDS = (
    "The steps go up the slope of the loss, not down.",
    "Which way does the gradient point, and which way should a step go?",
)
LOOP_ONCE = (
    "Only the first step moves the parameters; afterwards they stand still.",
    "After the update, is it still the leaf that the loss is computed from?",
)
LOOP_AT_START = (
    "Every step uses the gradient of the starting point.",
    "What is computed inside the loop, and what only once before it?",
)
LOOP_NO_LR = (
    "The steps are 1/lr times too long: the learning rate is left out.",
    "What is a step, and what is only the gradient?",
)
LOOP_LR_TWICE = (
    "The steps are lr times the right ones: the learning rate enters twice.",
    "Count where lr stands between gradient and update.",
)
LOOP_IN_TURN = (
    "A later parameter's gradient is computed after an earlier one has moved.",
    "All gradients of a step belong to the same point: compute all, then update all.",
)
LOOP_WITHOUT = (
    "{name} never moves; the other parameters do.",
    "Follow {name} through one turn of the loop.",
)
RECORDED_BEFORE = (
    "Each entry shows the parameters before its step.",
    "Where in the loop is the entry appended?",
)
RECORDED_LAST = (
    "Every entry shows the last parameters.",
    "A list keeps the tensor, not its value at the time: is it changed in place later?",
)
NO_ERROR = (
    "Your function raised nothing and returned {got}; {want} is asked for.",
    "Read the statement again: which call should fail?",
)
OTHER_ERROR = (
    "Your function raised {got}; {want} is asked for.",
    "Read the error's text: is it the failure you meant?",
)
RIGHT_ERROR = "It raises {got}, as asked."

# By hand means by hand.
BY_HAND = "This one is to be derived by hand; your code uses {ways}."
BY_HAND_LINE = "Seen here: {line}"
BY_HAND_RAN = "seen while it ran"
BESIDE = "each call evaluated a function at two points side by side: a difference?"
BY_HAND_NEXT = (
    "write the formula on paper, then as code; the hints above lead there step by step."
)
IMPRECISE = (
    "Your {name} is right only to about {error}; a formula by hand is right to 1e-15.",
    "Is there a difference quotient, a small constant or a float32 step in it?",
)

# A bug hunt: what stands in each row.
HUNT_TITLE = "bug hunt: {name}"
HUNT_KIND, HUNT_WITNESS, HUNT_REPAIR = (
    "its name",
    "an input that shows it",
    "the repair",
)
FOUND = "found"
UNSOLVED_PART = "not solved yet"
KIND_RIGHT = "the numbers say so too"
KIND_UNKNOWN = "this word is not in the list: check.kinds() shows it"
KIND_WRONG = "the numbers say something else"
WITNESS_RIGHT = "bug and right gradient differ by more than 10 % here"
WITNESS_WRONG = "bug and right gradient differ by less than 10 % here"
WITNESS_NAMES = "give a dict with the inputs {names}"
WITNESS_VALUE = "{name} is no finite number or tensor of the exercise's kind"
WITNESS_FAILS = "the gradient cannot be computed at this input"
REPAIR_RIGHT = "agrees with autograd at fresh draws"
REPAIR_WRONG = "still differs from autograd at fresh draws"
HUNT_NEXT = "compare bug and right gradient on paper; check.kinds() lists the names."
UNASKED = (
    "{name} holds a gradient at the end and should hold none: where is it emptied?"
)
UNASKED_ZEROS = "{name} holds zeros; None is due: zero_() fills, None empties."
PLANTED = "This is a planted bug: finding its name is your part."
