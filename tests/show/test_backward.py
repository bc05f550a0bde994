import torch

from grader.show import backward_steps, backward_steps_of


def y_of(x):
    u = x**2
    return u + x


def test_each_step_says_upstream_local_and_product():
    words = [panel.words for panel in backward_steps_of(y_of, x=3.0).panels]
    assert words[0] == "Start at y_of. Its derivative by itself, dy_of/dy_of, is 1."
    assert any("upstream dy_of/du 1 × local du/dx 6 = 6." in line for line in words)


def test_gradients_that_meet_are_added():
    panels = backward_steps_of(y_of, x=3.0).panels
    assert "gradients are added: 7." in panels[-1].words
    assert "1 more to come for x." in " ".join(panel.words for panel in panels)


def test_panels_match_in_size():
    panels = backward_steps_of(y_of, x=3.0).panels
    assert len({panel.svg.split(" viewBox")[0] for panel in panels}) == 1


def test_what_has_not_arrived_is_open():
    panels = backward_steps_of(y_of, x=3.0).panels
    assert "grad ?" in panels[0].svg
    assert "grad ?" not in panels[-1].svg


def test_a_tensor_is_walked_back_with_its_names():
    x = torch.tensor(3.0, requires_grad=True)
    assert "back to x" in backward_steps(x**2).panels[1].words


def test_vectors_are_pulled_back():
    def loss(w, X):
        return (X @ w).mean()

    drawing = backward_steps_of(loss, w=torch.ones(3), X=torch.ones(7, 3))
    assert "pulled back through matmul it becomes" in repr(drawing)


def test_too_many_steps_are_told():
    def long(x):
        for _ in range(50):
            x = x + 1
        return x

    assert "up to 40 are drawn" in backward_steps_of(long, x=1.0).caption


def test_nothing_to_walk_is_told():
    assert (
        "No gradient can flow"
        in backward_steps_of(lambda x: x.detach() + 1, x=1.0).caption
    )
