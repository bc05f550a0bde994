"""Text becomes HTML that reads offline and holds nothing that acts."""

import base64

import pytest

from grader.pages.maths import render_maths
from grader.pages.render import Renderer, render_terminal


@pytest.fixture(scope="module")
def renderer():
    return Renderer()


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{\partial L}{\partial w}",
        r"\begin{aligned}a&=b\\c&=d\end{aligned}",
        r"\begin{cases}1&x>0\\0&x<0\end{cases}",
        r"\operatorname{softmax}(z)_i = \tfrac{e^{z_i}}{\sum_j e^{z_j}}",
        r"W^\top x + \hat{b} \in \mathbb{R}^{n \times d}",
    ],
)
def test_formulas_become_mathml(tex):
    page = render_maths(tex, display=True)
    assert page.startswith("<math")
    assert "\\" not in page


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\href{javascript:alert(1)}{x}",
        r"\class{evil}{x}",
        r"\style{position:fixed}{x}",
        r"\unknown{x}",
        r"\begin{matrix}",
        "{" * 3000,
    ],
)
def test_other_formulas_stay_text(tex):
    page = render_maths(tex, display=False)
    assert page.startswith("<code>")
    assert "<script" not in page


def test_maths_stands_in_text_lists_and_tables(renderer):
    text = (
        "a $x<y$\n\n- b $$z$$\n\n| t |\n|---|\n| $w$ |\n\n$$\na\n= b\n$$\n\n`$x$` $5 $6"
    )
    page = renderer.render_markdown(text)
    assert page.count("<math") == 4
    assert "<code>$x$</code> $5 $6" in page


def test_a_formula_cannot_leave_an_attribute(renderer):
    picture = f"data:image/png;base64,{base64.b64encode(b'x').decode()}"
    page = renderer.render_markdown(f'![$a$]({picture}) [$b$](https://e.org "$c$")')
    assert page.count("<math") == 1
    assert 'alt=""' in page


def test_hostile_markdown_stays_text(renderer):
    page = renderer.render_markdown("<script>x</script><img src=x onerror=y> <b>ok</b>")
    assert "script" not in page
    assert "onerror" not in page
    assert "<b>ok</b>" in page


def test_only_given_pictures_are_shown(renderer):
    text = "![a](a.png) ![b](../b.png) ![c](https://evil.example/c.png)"
    page = renderer.render_markdown(text, {"a.png": b"PNG"})
    assert page.count("data:image/png") == 1
    assert "evil" not in page


def test_attached_pictures_are_shown(renderer):
    attachments = {"sheet.png": {"image/png": "QUJD"}}
    page = renderer.render_markdown("![s](attachment:sheet.png)", {}, attachments)
    assert "data:image/png;base64,QUJD" in page


def test_code_is_coloured_and_escaped(renderer):
    page = renderer.render_code("x = '<script>'  # why")
    assert '<span class="c1"># why</span>' in page
    assert "<script" not in page


def test_terminal_colours_become_spans():
    page = render_terminal("\x1b[0;31mError\x1b[0m: <b>\x1b[2J", "stderr")
    assert page == (
        '<pre class="err"><span style="color:#a31515">Error</span>: &lt;b&gt;</pre>'
    )


OUTPUTS = {
    "stream": ({"output_type": "stream", "name": "stdout", "text": "hi"}, "hi</pre>"),
    "picture": ({"data": {"image/png": "QUJD", "text/plain": "F"}}, "Figure of this"),
    "html": ({"data": {"text/html": "<i onclick=x>1</i>"}}, "<i>1</i>"),
    "markdown": ({"data": {"text/markdown": "*1*"}}, "<em>1</em>"),
    "latex": ({"data": {"text/latex": "$x$"}}, "<math"),
    "text": ({"data": {"text/plain": "<7>"}}, "&lt;7&gt;"),
    "error": (
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []},
        "E: v</pre>",
    ),
}


@pytest.mark.parametrize(("output", "shown"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_every_kind_of_output_is_shown(output, shown, renderer):
    full = {"output_type": "display_data", "metadata": {}} | output
    assert shown in renderer.render_output(full)
