import torch

from grader.ink.live import Live
from grader.plots.slopes import function_and_slope, secant, step_errors


def square(x):
    return x**2


def wave(x):
    return torch.sin(x**2)


def test_secants_tend_to_the_tangent():
    drawing = secant(square, 1.0)
    assert drawing.table.rows[0] == ("2", "4", "2")
    assert drawing.table.rows[-1] == ("0.1", "2.1", "0.1")
    assert "tangent's slope is 2" in drawing.alt


def test_a_slider_is_built_only_when_asked():
    assert not isinstance(secant(square, 1.0), Live)
    assert isinstance(secant(square, 1.0, live=True), Live)


def test_a_step_of_zero_is_told():
    assert "none of them 0" in secant(square, 1.0, [1, 0]).caption


def test_smaller_steps_are_not_always_better():
    table = step_errors(wave, 1.3).table
    errors = {row[0]: float(row[2].replace("−", "-")) for row in table.rows}
    assert errors["1e−6"] < errors["0.01"]
    assert errors["1e−6"] < errors["1e−12"]


def test_float32_is_worse_at_its_best():
    caption = step_errors(wave, 1.3).caption
    assert "float32: smallest error" in caption
    assert "float64: smallest error" in caption


def test_an_exact_difference_is_drawn_at_the_floor():
    assert "exactly 0 is drawn at 10⁻¹⁷" in step_errors(lambda x: 2 * x, 0.0).caption


def test_an_unknown_rule_is_told():
    assert 'rule is "central"' in step_errors(square, 1.0, rule="backward").caption


def test_function_stands_above_its_slope():
    drawing = function_and_slope(wave, (-3, 3), mark=3.0)
    assert "At x = 3 the value is 0.41212 and the slope −5.4668." in drawing.alt
    assert drawing.table.columns == ("x", "wave", "slope")


def test_your_slope_is_drawn_over_autograds():
    drawing = function_and_slope(square, yours=lambda x: 2 * x)
    assert all(row[2] == row[3] for row in drawing.table.rows)


def test_an_unsolved_slope_is_told_and_the_rest_drawn():
    def todo(x):
        raise NotImplementedError("Exercise 2.1: return slope")

    drawing = function_and_slope(square, yours=todo)
    assert drawing.caption == "Exercise 2.1 comes first: return slope."
    assert drawing.svg
