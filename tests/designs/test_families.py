"""Every family, over many seeds: the reference compiles silently and passes, every planted mistake fails."""

import hashlib
import os
import random
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from rtlscribe.checkers.iverilog import IverilogChecker, find_tools
from rtlscribe.designs import FAMILIES, compositions
from rtlscribe.designs.families import UNSEEN, Family, families
from rtlscribe.designs.generate import Level, generate, split_of, worded
from rtlscribe.executors.pool import PoolExecutor
from rtlscribe.records import Candidate, Problem

SEEDS = range(int(os.environ.get("RTLSCRIBE_TEST_SEEDS", "2")))


def verdicts(problems_and_codes: list[tuple[Problem, str]]) -> list[str]:
    """The status of each code as an answer to its problem, in order."""
    checker = IverilogChecker()

    def check(item: tuple[int, Problem, str]) -> tuple[int, str]:
        index, problem, code = item
        candidate = Candidate(problem_id=problem.id, index=index, code=code, assembly="reference")
        return index, checker.check(candidate, problem, timeout_s=60).status

    items = [(index, *pair) for index, pair in enumerate(problems_and_codes)]
    found = {}
    for result in PoolExecutor().map(check, items, workers=2):
        assert result.value, result.error
        found[result.value[0]] = result.value[1]
    return [found[i] for i in range(len(items))]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_reference_passes_and_planted_mistakes_fail(name: str) -> None:
    designs = [worded(FAMILIES[name], seed, style=style) for style, seed in enumerate(SEEDS)]
    references = [(w.problem(), w.design.reference) for w in designs]
    mutants = [(w.problem(), mutant) for w in designs for mutant in w.design.mutants()]
    assert len(mutants) >= len(designs)
    found = verdicts(references + mutants)
    assert found[: len(designs)] == ["passed"] * len(designs), references[0][1]
    survivors = [m for (_, m), v in zip(mutants, found[len(designs) :], strict=True) if v != "failed"]
    assert not survivors, survivors[0]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_references_compile_without_a_warning(name: str, tmp_path: Path) -> None:
    for style, seed in enumerate(SEEDS):
        (tmp_path / f"{seed}.v").write_text(worded(FAMILIES[name], seed, style=style).design.reference)
        command = [find_tools().iverilog, "-g2012", "-Wall", "-t", "null", f"{seed}.v"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_enough_circuits_to_hold_some_out(name: str) -> None:
    designs = [worded(FAMILIES[name], seed).design for seed in range(100)]
    keys = {d.key for d in designs}
    assert len(keys) >= 24
    splits = {split_of(FAMILIES[name], d) for d in designs}
    assert splits == {"train", "held_out"}


@pytest.mark.parametrize("name", sorted(FAMILIES))
@pytest.mark.parametrize("level", ["terse", "normal", "verbose"])
def test_wording_never_decides_the_circuit(name: str, level: Level) -> None:
    for seed in range(2):
        found, other = worded(FAMILIES[name], seed, level=level), worded(FAMILIES[name], seed, level="normal")
        assert found.design.key == other.design.key
        assert found.instruction.strip()
        assert bool(found.header) == (level != "terse")
        ports = [p.name for p in found.design.ports]
        assert len(set(ports)) == len(ports)
        assert worded(FAMILIES[name], seed, level=level).problem() == found.problem() == found.problem()


def test_no_held_out_circuit_is_a_training_row() -> None:
    def circuits(split: str, count: int) -> set[tuple[str, object]]:
        source = generate(split=split, seed=5)  # type: ignore[arg-type]
        return {(w.family.name, w.design.key) for w, _ in zip(source, range(count), strict=False)}

    train, held_out = circuits("train", 1500), circuits("held_out", 300)
    assert len(held_out) == 300
    assert not train & held_out


def test_no_composition_shows_what_is_kept_out_of_training() -> None:
    parts = (*compositions.COMBINATIONAL, *compositions.CLOCKED)
    assert set(parts) <= families("no").keys()
    assert set(UNSEEN) == families("only").keys()
    assert families("all").keys() == {*families("no"), *UNSEEN}
    for name in (name for name, found in FAMILIES.items() if found.category == "composition"):
        for seed in range(20):
            first, first_key, second, second_key, *_ = worded(FAMILIES[name], seed).design.key
            assert {first, second} <= set(parts)
            for part, key in ((first, first_key), (second, second_key)):
                digest = hashlib.sha256(repr((part, key)).encode()).digest()
                assert int.from_bytes(digest[:8]) >= 0.1 * 2**64


def test_rows_are_distinct_and_the_same_for_a_seed() -> None:
    def rows(seed: int) -> list[str]:
        source = generate(split="train", seed=seed)
        return [w.instruction + w.header for w, _ in zip(source, range(300), strict=False)]

    assert len(set(rows(1))) == 300
    assert rows(1) == rows(1)
    assert not set(rows(1)) <= set(rows(2))


def test_a_brief_request_stands_for_one_circuit() -> None:
    asked = Counter[str]()
    for name, found in FAMILIES.items():
        meant = dict[str, object]()
        for seed in range(150):
            row = worded(found, seed, wording="brief")
            asked[name] += bool(row.instruction)
            assert not row.header
            assert len(row.instruction) < 200
            for brief in row.design.briefs:
                assert meant.setdefault(brief, row.design.key) == row.design.key, (name, brief)
    assert sum(count > 3 for count in asked.values()) >= 60


def test_a_family_that_runs_dry_ends_the_generation() -> None:
    build = FAMILIES["decoder"].build
    only = {"dry": Family("dry", "coding", lambda rng, pick: build(random.Random(1), pick))}
    dry = list[str]()
    found = list(generate(split="train", seed=0, families=only, ran_dry=dry.append)) + list(
        generate(split="held_out", seed=0, families=only, ran_dry=dry.append)
    )
    assert 0 < len(found) < 2000  # wordings of one circuit, then the end
    assert dry == ["dry", "dry"]


def test_two_blocks_never_count_with_one_variable() -> None:
    counted = 0
    for seed in range(100):
        body = worded(FAMILIES["side_by_side"], seed, style=seed).design.body
        names = re.findall(r"for \((\w+) =", body)
        assert len(set(names)) == len(names), body
        counted += len(names) > 1
    assert counted > 2


def test_a_style_changes_the_code_alone() -> None:
    styles = set()
    for style in (0, 1, 2, 3, None):
        found = worded(FAMILIES["gates"], 5, style=style)
        assert (found.design.key, found.instruction) == (
            worded(FAMILIES["gates"], 5).design.key,
            worded(FAMILIES["gates"], 5).instruction,
        )
        styles.add(found.design.reference)
    assert len(styles) >= 3
