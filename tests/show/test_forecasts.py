import pytest
import torch

from grader.show import prediction, predictions, surprises


def rows(drawing):
    return dict(drawing.table.rows)


def test_a_prediction_stands_beside_its_outcome():
    found = rows(prediction("Sign?", "negative", "Negative ", confidence="80 %"))
    assert found["You predicted"] == "negative"
    assert found["You were this sure"] == "80 %"
    assert found["So it was"] == "as predicted"


@pytest.mark.parametrize("yours", [None, ..., "", "…", "...", "?", " _ "])
def test_a_prediction_not_made_is_said_kindly(yours):
    found = rows(prediction("Sign?", yours, "up"))
    assert found["You predicted"] == "not written down yet"
    assert "So it was" not in found


@pytest.mark.parametrize(
    ("yours", "outcome", "verdict"),
    [
        (2, torch.tensor(2.0), "as predicted"),
        (2.001, 2, "as predicted"),
        (3, 2, "a surprise"),
        (True, False, "a surprise"),
        (True, 1, "compare them yourself"),
        ([1, 2], torch.tensor([1.0, 2.0]), "as predicted"),
        ([1, 2], torch.ones(3), "a surprise"),
        (float("nan"), 1.0, "a surprise"),
        ("because it adds up", "gradients are added", "compare them yourself"),
    ],
)
def test_outcomes_are_compared_where_a_machine_can(yours, outcome, verdict):
    assert rows(prediction("?", yours, outcome))["So it was"] == verdict


def test_the_surest_surprise_is_named():
    made = [prediction("a", 1, 2, 60), prediction("b", 1, 2, 90), ("c", 1, 1)]
    drawing = surprises(made)
    assert "Of 3 predictions: 1 as predicted, 2 surprising." in drawing.caption
    assert "Most surprising: “b” (how sure you were: 90)" in drawing.caption


def test_predictions_by_name_meet_their_outcomes():
    made = {"larger": ("dw", 80), "sign": ("?", 50)}
    assert len(predictions(made, {"larger": "dw"}).table.rows) == 1
    drawing = surprises(made, {"sign": "up"})
    assert drawing.table.rows[0][3] == "still to come"
    assert (
        drawing.caption == "Of 2 predictions: 1 not written down yet, 1 still to come."
    )


def test_hostile_answers_stay_text():
    html = prediction("<b>", "<script>alert(1)</script>", "\x1b[31m")._repr_html_()
    assert "<script" not in html
    assert "\x1b" not in html


@pytest.mark.parametrize("made", [None, 3, "abc", [1], [("q",)]])
def test_what_is_no_list_of_predictions_is_told(made):
    assert surprises(made).table is None
    assert predictions(made, {}).table is None
