"""Every family, over many seeds: the reference compiles silently and passes, every planted mistake fails."""

import subprocess
from pathlib import Path

import pytest

from rtlscribe.designs import FAMILIES
from rtlscribe.designs.generate import worded

SEEDS = range(12)


def simulate(folder: Path, code: str, testbench: str) -> tuple[str, str]:
    """Compiler messages and simulation output."""
    (folder / "dut.v").write_text(code)
    (folder / "tb.v").write_text(testbench)
    compiled = subprocess.run(
        ["iverilog", "-g2012", "-Wall", "-s", "testbench", "-o", "t.vvp", "dut.v", "tb.v"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if compiled.returncode:
        return compiled.stdout + compiled.stderr, ""
    run = subprocess.run(["vvp", "-N", "t.vvp"], cwd=folder, capture_output=True, text=True, timeout=20)
    return compiled.stdout + compiled.stderr, run.stdout


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_reference_passes_and_mutants_fail(name: str, tmp_path: Path) -> None:
    for seed in SEEDS:
        found = worded(FAMILIES[name], seed)
        problem = found.problem()
        messages, output = simulate(tmp_path, problem.reference, problem.testbench)
        assert not messages, f"{found.id}: {messages}\n{problem.reference}"
        assert " passed " in output, f"{found.id}: {output}\n{problem.reference}\n{found.instruction}"
        mutants = found.design.mutants()
        assert mutants
        for mutant in mutants:
            messages, output = simulate(tmp_path, mutant, problem.testbench)
            assert " failed " in output, f"{found.id}: a planted mistake passes\n{messages}{output}\n{mutant}"


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_enough_parameters_to_hold_some_out(name: str) -> None:
    keys = {worded(FAMILIES[name], seed).design.key for seed in range(300)}
    assert len(keys) >= 24, f"{name} has only {len(keys)} different circuits"
