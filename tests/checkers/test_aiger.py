"""And-inverter graphs: read and run."""

import pytest

from rtlscribe.checkers.aiger import Graph, read, run, stimulus

# y = a & ~b, and q, which toggles at each step in which a is 1.
TEXT = """aag 7 2 1 2 4
2
4
6 14
8
6
8 2 5
10 3 7
12 2 6
14 11 13
i0 in_a
i1 in_b
l0 q
o0 y
o1 q[0]
c
a comment
"""


@pytest.fixture
def graph() -> Graph:
    return read(TEXT)


def test_reads_names_and_places(graph: Graph) -> None:
    assert graph.inputs == (2, 4)
    assert graph.latches == ((6, 14),)
    assert graph.input_names == ("in_a", "in_b")
    assert graph.output_names == ("y", "q[0]")
    assert graph.output("q[0]") == 1
    with pytest.raises(ValueError, match="not in tuple"):
        graph.output("z")


def test_runs_from_zero(graph: Graph) -> None:
    steps = [(0, 0), (1, 0), (1, 1), (0, 1), (1, 0)]
    assert [[y, q] for y, q in run(graph, steps)] == [[0, 0], [1, 0], [0, 1], [0, 0], [1, 0]]


def test_lanes_are_runs_of_their_own(graph: Graph) -> None:
    steps = stimulus(graph, steps=20, lanes=8, seed=3)
    together = list(run(graph, steps, lanes=8))
    for lane in range(8):
        alone = run(graph, [[value >> lane & 1 for value in step] for step in steps])
        assert [[value >> lane & 1 for value in outputs] for outputs in together] == list(alone)


def test_stimulus_depends_on_the_seed_alone(graph: Graph) -> None:
    drawn = [stimulus(graph, steps=4, lanes=64, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0 <= value < 1 << 64 for step in drawn[0] for value in step)


def test_stimulus_has_inputs_that_are_mostly_0_and_mostly_1(graph: Graph) -> None:
    steps = stimulus(graph, steps=400, lanes=200, seed=1)
    shares = [sum(step[0] >> lane & 1 for step in steps) / 400 for lane in range(200)]
    assert min(shares) < 0.12
    assert max(shares) > 0.88


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aig 1 1 0 0 0\n",
        "aag 1 1\n",
        TEXT.replace("8 2 5\n10 3 7", "10 3 7\n8 2 11"),
        TEXT.replace("6 14", "6 14 1"),
    ],
)
def test_refuses_what_it_would_read_wrongly(text: str) -> None:
    with pytest.raises(ValueError, match=r"AIGER|order"):
        read(text)
