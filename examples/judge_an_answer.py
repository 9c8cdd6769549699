"""Find the Verilog in a chatty answer and judge it against a held-out circuit. Needs Icarus Verilog, no model."""

from rtlscribe.benchmarks.base import load_problems
from rtlscribe.checkers.base import open_checker
from rtlscribe.records import Candidate
from rtlscribe.verilog.extract import extract

problem = load_problems("held-out")[0]
answers = {
    "the reference": problem.reference,
    "the same, fenced, with small talk": f"Sure! Here is the module:\n```verilog\n{problem.reference}```\nEnjoy.",
    "cut off": problem.reference[: len(problem.reference) // 2],
    "a print that claims to pass": f'{problem.header}\ninitial $display("passed 96 vectors");\nendmodule',
    "nothing": "I cannot help with that.",
}
checker = open_checker("iverilog")
print(problem.text, end="\n\n")
for index, (name, text) in enumerate(answers.items()):
    code, assembly = extract(text, header=problem.header, top=problem.top)
    candidate = Candidate(problem_id=problem.id, index=index, code=code, assembly=assembly)
    verdict = checker.check(candidate, problem, timeout_s=10)
    print(f"{name:36} {verdict.status:13} {verdict.detail.splitlines()[0] if verdict.detail else ''}")
