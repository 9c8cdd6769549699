"""Rich wordings: what they may not lose, the forms they come in, and how different they are."""

import itertools
import random
import re
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from rtlscribe import jsonl
from rtlscribe.designs import FAMILIES
from rtlscribe.designs.base import Combinational, Design
from rtlscribe.designs.forms import SHARES, Form, forms_of, instruction
from rtlscribe.designs.generate import Worded, generate, worded
from rtlscribe.designs.phrasing import SPELLED, ports_said, rephrased
from rtlscribe.errors import UsageError
from rtlscribe.records import Sample
from rtlscribe.similarity import Pool, rouge_l, tokens
from rtlscribe.stages import designs

KEY_WORDS = ("signed", "unsigned", "overlap", "combinational", "mealy", "moore", "below", "following", "left", "right")

rich = partial(worded, wording="rich")


def rows(count: int, seed: int = 4) -> list[Worded]:
    return list(itertools.islice(generate(split="train", seed=seed, draw=rich), count))


def facts(text: str) -> Counter[str]:
    """Numbers above 1, in digits or in words, and words that decide what a circuit does."""
    words = re.findall(r"\w+", text.lower())
    numbers = (str(SPELLED.index(word)) if word in SPELLED else word for word in words)
    return Counter(w for w in numbers if w in KEY_WORDS or (w.isdigit() and int(w) > 1))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_other_words_keep_names_numbers_and_what_decides(name: str) -> None:
    design = worded(FAMILIES[name], 1).design
    for number, text in enumerate((*design.nouns, *design.behaviours) * 2):
        said = rephrased(text, design, random.Random(number))
        named = [port.name for port in design.ports if re.search(rf"\b{port.name}\b", text)]
        assert [p for p in named if not re.search(rf"\b{p}\b", said)] == []
        missing = facts(text) - facts(said)
        assert missing <= Counter(KEY_WORDS), f"{text}\n{said}"
        assert not re.search(r"  |\b[Aa] an?\b|\ba (?:8|11|18|eigh|elev)", said), said


def test_nearly_every_family_comes_out_in_other_words() -> None:
    changed = 0
    for name in FAMILIES:
        design = worded(FAMILIES[name], 1).design
        texts = enumerate(design.behaviours * 3)
        changed += any(rephrased(text, design, random.Random(number)) != text for number, text in texts)
    assert changed > 0.9 * len(FAMILIES)


@pytest.mark.parametrize(
    ("kind", "level", "moment"),
    [
        ("asynchronous active-low", r"\blow\b|\b0\b", r"\basynchronous|\bat once\b"),
        ("synchronous active-high", r"\bhigh\b|\b1\b|\basserted\b", r"\bsynchronous|\bnext rising clock edge\b"),
    ],
)
def test_every_way_to_say_a_reset_tells_its_level_and_its_moment(kind: str, level: str, moment: str) -> None:
    found = set()
    for seed in range(600):
        design = worded(FAMILIES["delay_line"], seed).design
        reset = getattr(design.model, "reset", None)
        if reset is None or reset.phrase != f"{kind} reset":
            continue
        text = rephrased(f"The {kind} reset {reset.name} clears {design.outputs[0].name}.", design, random.Random(seed))
        for wanted in (rf"\b{reset.name}\b", rf"\b{design.outputs[0].name}\b", level, moment):
            assert re.search(wanted, text), text
        found.add(text)
    assert len(found) > 20


def test_an_interface_in_words_has_every_port_and_every_width() -> None:
    for seed, name in itertools.product(range(12), ("fifo", "decoder")):
        design = worded(FAMILIES[name], seed, wording="rich").design
        said = ports_said(design, random.Random(seed))
        for port in design.ports:
            words = "|".join(SPELLED[port.width : port.width + 1])
            assert re.search(rf"\b{port.name}\b", said), said
            assert port.width == 1 or re.search(rf"\b{port.width}\b|\[{port.width - 1}:0\]|\b{words}\b", said), said


def table_of(text: str, design: Design) -> list[dict[str, str]]:
    """The rows of the table in a text, by column."""
    ports = [port.name for port in design.ports]
    lines = [re.sub(r"[|,]", " ", line).split() for line in text.splitlines()]
    head = next(line for line in lines if set(ports) <= set(line) and len(line) <= len(ports) + 1)
    width = len(head)
    after = lines[lines.index(head) + 1 :]
    return [
        dict(zip(head, line, strict=True))
        for line in after
        if len(line) == width and re.fullmatch("[0-9a-f]+", line[0])
    ]


@pytest.mark.parametrize(("form", "base"), [("table", 2), ("waveform", 16)])
def test_a_table_says_the_whole_function(form: Form, base: int) -> None:
    checked = 0
    for name, seed in itertools.product(("boolean_expression", "parity", "multiplexer", "adder"), range(12)):
        design = worded(FAMILIES[name], seed, wording="rich").design
        if form not in forms_of(design):
            continue
        text = instruction(design, "normal", "field", form, random.Random(seed))
        assert isinstance(design.model, Combinational)
        seen = set()
        for row in table_of(text, design):
            values = {port.name: int(row[port.name], base) for port in design.inputs}
            expected = design.model.function(values)
            assert {port.name: int(row[port.name], base) for port in design.outputs} == expected, text
            seen.add(tuple(values.values()))
        assert len(seen) == 2 ** sum(port.width for port in design.inputs), text
        checked += 1
    assert checked > 5


def test_a_karnaugh_map_says_the_whole_function() -> None:
    found = 0
    for seed in range(30):
        design = worded(FAMILIES["boolean_expression"], seed, level="normal").design
        if "map" not in forms_of(design):
            continue
        text = instruction(design, "normal", "field", "map", random.Random(seed))
        lines = [re.sub(r"[|,]", " ", line).split() for line in text.splitlines()]
        head = next(i for i, line in enumerate(lines) if "\\" in line)
        names = [port.name for port in design.inputs]
        columns = [cell for cell in lines[head][lines[head].index("\\") :] if re.fullmatch("[01]+", cell)]
        assert re.sub(r"\W", "", "".join(c for c in lines[head] if c not in columns)) == "".join(names)
        cells = 0
        for left, *values in (
            line for line in lines[head + 1 :] if len(line) == len(columns) + 1 and line[0].isdigit()
        ):
            for above, value in zip(columns, values, strict=True):
                inputs = dict(zip(names, map(int, left + above), strict=True))
                assert isinstance(design.model, Combinational)
                assert list(design.model.function(inputs).values()) == [int(value)]
                cells += 1
        assert cells == 2 ** len(names)
        found += 1
    assert found > 5


def test_forms_about_code_show_a_mistake_a_gap_or_old_ports() -> None:
    seen: Counter[str] = Counter()
    for row in rows(300):
        seen[row.form] += 1
        text, reference = row.instruction, row.design.reference.rstrip()
        if row.form in ("repair", "completion", "ports"):
            assert not row.header
            assert reference not in text
        if row.form == "repair":
            assert any(mutant.rstrip() in text for mutant in row.design.mutants())
        if row.form == "completion":
            assert row.design.header in text
        if row.form == "ports":
            assert row.design.body.strip() in text
        assert row.sample().verilog == row.design.reference
    assert set(seen) >= set(SHARES) - {"map"}
    assert seen["words"] > 150


def test_without_a_header_the_text_names_what_is_asked_for() -> None:
    terse = {bool(row.header) for row in rows(200, seed=5) if row.level == "terse"}
    assert terse == {True, False}  # with a header, or with the usual names
    for row in rows(200, seed=5):
        text = f"{row.instruction}\n{row.header}"
        if row.level == "terse":
            assert row.form == "words"
            if not row.header:
                continue
        for name in (row.design.name, *(port.name for port in row.design.ports)):
            assert re.search(rf"\b{name}\b", text), text


def test_a_level_that_is_asked_for_is_one_of_words_with_the_header_in_its_field() -> None:
    found = itertools.islice(generate(split="held_out", seed=1, levels=("normal", "verbose"), draw=rich), 40)
    assert {(row.form, row.header == row.design.header) for row in found} == {("words", True)}


def test_rich_wordings_are_far_apart_and_the_same_for_a_seed() -> None:
    def near(texts: list[str]) -> float:
        pool = Pool(0.7)
        return sum(pool.add(text) is not None for text in texts) / len(texts)

    rich = [row.instruction for row in rows(500)]
    plain = [row.instruction for row in itertools.islice(generate(split="train", seed=4), 500)]
    assert near(rich) < 0.02 < 0.06 < near(plain)
    assert len({tuple(tokens(text)[:10]) for text in rich}) > 440
    assert rich[:100] == [row.instruction for row in rows(100)]


def test_distinct_rows_of_the_command_are_not_near_to_one_another(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    families = ("adder", "parity")
    designs.run(designs.Config(n=40, families=families, verify=False, distinct=0.5, output=tmp_path / "run"))
    texts = [sample.instruction for sample in jsonl.read(tmp_path / "run/out.jsonl", Sample)]
    assert len(texts) == 40
    assert max(rouge_l(a, b) for a, b in itertools.combinations(texts, 2)) <= 0.5
    assert "draws were nearer than 0.5" in capfd.readouterr().err


def test_rows_near_to_a_problem_are_drawn_anew(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def drawn(name: str, *against: str) -> list[Sample]:
        config = designs.Config(
            n=60, families=("parity", "fifo"), verify=False, against=against, output=tmp_path / name
        )
        designs.run(config)
        return list(jsonl.read(tmp_path / name / "out.jsonl", Sample))

    def nearest(row: Sample, problem: Sample) -> float:
        return max(rouge_l(row.instruction, problem.instruction), rouge_l(row.verilog, problem.verilog))

    plain = drawn("plain")
    problems = {row.origin.removeprefix("designs:"): row for row in plain}
    for name, problem in problems.items():
        jsonl.replace(tmp_path / f"{name}.jsonl", [jsonl.encode(problem)])
    assert sum(nearest(row, problems["parity"]) > 0.5 for row in plain) > 5
    rows = drawn("anew", str(tmp_path / "parity.jsonl"))
    assert len(rows) == 60
    assert max(nearest(row, problems["parity"]) for row in rows) <= 0.5
    said = capfd.readouterr().err
    assert "draws were nearer than 0.5 to a problem of --against" in said
    assert "ended early" not in said
    # All circuits of this family are near to each other.
    assert {row.origin for row in drawn("less", str(tmp_path / "fifo.jsonl"))} == {"designs:parity"}
    assert "ended early, as nothing new came, with their rows: fifo (0)\n" in capfd.readouterr().err


def test_a_threshold_needs_something_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--threshold 0.4 wants .*--against"):
        designs.run(designs.Config(threshold=0.4, output=tmp_path / "run"))
