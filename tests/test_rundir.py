"""One run on disk: begun, resumed, finished, started over; and every way in which it is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from rtlscribe import jsonl
from rtlscribe.errors import DataError, RtlscribeError, UsageError
from rtlscribe.executors.base import Result
from rtlscribe.records import Verdict
from rtlscribe.rundir import HOW, RunDir, as_config, sha256
from rtlscribe.stages.score import Config
from rtlscribe.summaries import NewModelSummary


def verdict(index: int) -> Verdict:
    return Verdict(problem_id="p", index=index, status="passed", checker="scripted")


def begin(path: Path, config: dict[str, Any] | None = None, **rest: Any) -> Any:
    return RunDir.open(path, stage="stage", config=config or {"n": 1}, inputs=rest.pop("inputs", {}), **rest)


def files(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir())


def test_a_run_from_begin_to_end(tmp_path: Path) -> None:
    path = tmp_path / "runs/new"
    summary = NewModelSummary(output="o", parameters=3)
    with begin(path, {"n": 1, "path": Path("x"), "workers": 4}) as run:
        assert not run.finished
        assert run.done(Verdict) == []
        with run.appending() as append:
            append(verdict(0))
            append(verdict(1))
        assert run.done(Verdict) == [verdict(0), verdict(1)]
        run.finish(summary)
        assert run.finished
    assert files(path) == [".lock", "config.json", "log.txt", "manifest.json", "out.jsonl", "summary.json"]
    assert json.loads((path / "config.json").read_text()) == {"n": 1, "path": "x"}
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert (manifest["stage"], manifest["attempts"]) == ("stage", 1)
    with begin(path, {"n": 1, "path": Path("x"), "workers": 4}) as run:
        assert run.finished
        assert run.summary(NewModelSummary) == summary


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    def interrupted() -> None:
        with begin(tmp_path / "run") as run, run.appending() as append:
            append(verdict(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with begin(tmp_path / "run") as run:
        assert not run.finished
        assert run.manifest["attempts"] == 2
        assert run.done(Verdict) == [verdict(0)]
        with run.appending() as append:
            append(verdict(1))
        assert run.done(Verdict) == [verdict(0), verdict(1)]
    log = (tmp_path / "run/log.txt").read_text()
    assert "stage begins, attempt 1\n" in log
    assert "stopped: KeyboardInterrupt" in log
    assert "stage begins, attempt 2\n" in log


@pytest.mark.parametrize("cut", [1, 2, 20, len(jsonl.encode(verdict(1))) - 1])
def test_half_a_last_line_is_owed_again(tmp_path: Path, cut: int) -> None:
    whole, last = jsonl.encode(verdict(0)), jsonl.encode(verdict(1))
    with begin(tmp_path / "run") as run:
        run.out.write_bytes(whole + last[:-cut])
        assert run.done(Verdict) == [verdict(0)]
        assert run.out.read_bytes() == whole
        with run.appending() as append:
            append(verdict(1))
        assert run.out.read_bytes() == whole + last


def test_a_file_of_half_a_line_is_empty(tmp_path: Path) -> None:
    with begin(tmp_path / "run") as run:
        run.out.write_bytes(b'{"problem_id"')
        assert run.done(Verdict) == []
        assert run.out.read_bytes() == b""


def test_damage_elsewhere_is_not_dropped_in_silence(tmp_path: Path) -> None:
    with begin(tmp_path / "run") as run:
        run.out.write_bytes(b"nonsense\n" + jsonl.encode(verdict(0)))
        with pytest.raises(DataError, match=r"out\.jsonl, line 1"):
            run.done(Verdict)


CONFIG = {"n": 1, "rate": 0.5, "path": Path("a"), "name": None, "workers": 2, "size": 8}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 2}, "n was 1 and is now 2"),
        ({"rate": 0.25}, "rate was 0.5 and is now 0.25"),
        ({"path": Path("b")}, "path was 'a' and is now 'b'"),
        ({"name": "x"}, "name was None and is now 'x'"),
        ({"more": True}, "more was None and is now True"),
    ],
)
def test_changed_config_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with begin(tmp_path / "run", CONFIG) as run:
        run.out.write_bytes(jsonl.encode(verdict(0)))
    with (
        pytest.raises(UsageError, match=f"holds another run: {words}; use --fresh") as raised,
        begin(tmp_path / "run", CONFIG | change),
    ):
        pass
    assert str(tmp_path / "run") in str(raised.value)
    with begin(tmp_path / "run", CONFIG) as run:
        assert run.manifest["attempts"] == 2  # a refused attempt is none


@pytest.mark.parametrize("field", sorted(HOW))
def test_how_it_runs_may_change(tmp_path: Path, field: str) -> None:
    with begin(tmp_path / "run", CONFIG | {field: 1}):
        pass
    with begin(tmp_path / "run", CONFIG | {field: 2}) as run:
        assert run.manifest["attempts"] == 2
        assert field not in run.manifest["config"]


def test_a_stage_may_add_to_how(tmp_path: Path) -> None:
    with begin(tmp_path / "run", CONFIG, how=("size",)):
        pass
    with begin(tmp_path / "run", CONFIG | {"size": 9}, how=("size",)) as run:
        assert run.manifest["attempts"] == 2


def test_an_attempt_that_got_nowhere_does_not_hold_the_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mistyped"), begin(tmp_path / "run", CONFIG | {"model": "typo"}):
        raise UsageError("mistyped")
    with begin(tmp_path / "run", CONFIG | {"model": "right"}) as run:
        assert run.manifest["config"]["model"] == "right"
        assert run.manifest["attempts"] == 2


def test_another_version_of_a_tool_is_refused(tmp_path: Path) -> None:
    with begin(tmp_path / "run", tools={"checker": "iverilog-11.0"}) as run:
        run.out.write_bytes(jsonl.encode(verdict(0)))
    with (
        pytest.raises(UsageError, match=r"checker was 'iverilog-11\.0' and is now 'iverilog-12\.0'"),
        begin(tmp_path / "run", tools={"checker": "iverilog-12.0"}),
    ):
        pass


def test_half_a_line_is_cut_before_more_is_appended(tmp_path: Path) -> None:
    with begin(tmp_path / "run") as run:
        run.out.write_bytes(jsonl.encode(verdict(0)) + b'{"problem_id"')
        with run.appending() as append:
            append(verdict(1))
        assert run.done(Verdict) == [verdict(0), verdict(1)]


def test_another_stage_is_refused(tmp_path: Path) -> None:
    with begin(tmp_path / "run") as run:
        run.out.write_bytes(jsonl.encode(verdict(0)))
    with (
        pytest.raises(UsageError, match="holds a run of 'stage', not 'other'"),
        RunDir.open(tmp_path / "run", stage="other", config={"n": 1}, inputs={}),
    ):
        pass


def test_changed_input_is_refused_by_name(tmp_path: Path) -> None:
    file, folder = tmp_path / "in.jsonl", tmp_path / "model"
    file.write_text("a")
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/weights").write_text("a")
    inputs = {"data": file, "model": folder}
    with begin(tmp_path / "run", inputs=inputs) as run:
        run.out.write_bytes(jsonl.encode(verdict(0)))
    (folder / ".cache").write_text("not part of a model")
    with begin(tmp_path / "run", inputs=inputs) as run:
        assert run.manifest["attempts"] == 2
    for changed, name in ((folder / "deep/weights", "model"), (file, "data")):
        changed.write_text("b")
        with (
            pytest.raises(UsageError, match=f"the content of {name} has changed"),
            begin(tmp_path / "run", inputs=inputs),
        ):
            pass
        changed.write_text("a")
    (folder / "deep/weights").rename(folder / "weights")
    with pytest.raises(UsageError, match="the content of model has changed"), begin(tmp_path / "run", inputs=inputs):
        pass


def test_missing_input_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=f"data: there is no {tmp_path / 'none'}"),
        begin(tmp_path / "run", inputs={"data": tmp_path / "none"}),
    ):
        pass
    assert files(tmp_path) == []


def test_sha256_of_a_file() -> None:
    assert sha256(Path(__file__).parent / "data/completions/body.txt") == (
        "e1cc08e1223a8a59fec85b17d5ecfa8c0fd9921dbdb5d9b4d33aaa5a6fa6edea"
    )


def test_fresh_starts_over(tmp_path: Path) -> None:
    with begin(tmp_path / "run") as run, run.appending() as append:
        append(verdict(0))
        (run.path / "model").mkdir()
        (run.path / "model/weights").write_text("x")
    with begin(tmp_path / "run", {"n": 2}, fresh=True) as run:
        assert run.manifest["attempts"] == 1
        assert run.manifest["config"] == {"n": 2}
        assert run.done(Verdict) == []
        assert files(run.path) == [".lock", "config.json", "log.txt", "manifest.json"]
    with begin(tmp_path / "new", fresh=True) as run:
        assert run.manifest["attempts"] == 1


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("name", ["thesis.tex", "manifest.json", "config.json", ".git", "out.jsonl"])
def test_a_folder_of_others_is_neither_used_nor_deleted(tmp_path: Path, name: str, fresh: bool) -> None:
    (tmp_path / name).write_text('{"name": "my web page"}\n')
    with pytest.raises(UsageError, match="is not empty and is no run of rtlscribe"), begin(tmp_path, fresh=fresh):
        pass
    assert files(tmp_path) == [name]
    assert (tmp_path / name).read_text() == '{"name": "my web page"}\n'


@pytest.mark.parametrize("fresh", [False, True])
def test_a_run_in_use_is_left_alone(tmp_path: Path, fresh: bool) -> None:
    with begin(tmp_path / "run") as run, run.appending() as append:
        append(verdict(0))
        with pytest.raises(UsageError, match="is in use by another rtlscribe"), begin(tmp_path / "run", fresh=fresh):
            pass
        append(verdict(1))
        assert run.done(Verdict) == [verdict(0), verdict(1)]
    with begin(tmp_path / "run") as run:
        assert run.manifest["attempts"] == 2


def test_fresh_does_not_delete_its_own_input(tmp_path: Path) -> None:
    with begin(tmp_path / "run") as run, run.appending() as append:
        append(verdict(0))
    with (
        pytest.raises(UsageError, match="--fresh would delete data"),
        begin(tmp_path / "run", inputs={"data": tmp_path / "run/out.jsonl"}, fresh=True),
    ):
        pass
    assert (tmp_path / "run/out.jsonl").read_bytes() == jsonl.encode(verdict(0))


@pytest.mark.parametrize("leftover", [".lock", ".manifest.json.123"])
def test_killed_before_the_manifest_was_there(tmp_path: Path, leftover: str) -> None:
    (tmp_path / leftover).write_text("")
    with begin(tmp_path) as run:
        assert run.manifest["attempts"] == 1


@pytest.mark.parametrize("below", ["", "below", "below/below"])
def test_a_file_in_place_of_the_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(UsageError, match=r"cannot write the run folder .*choose another with --output"),
        begin(tmp_path / "file" / below),
    ):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_keep_goes_on_where_a_tool_breaks_and_fails_at_the_end(tmp_path: Path) -> None:
    advanced: list[int] = []
    results = [
        Result(0, value=verdict(0)),
        Result(1, error=OSError("disk is full")),
        Result(2, value=verdict(2)),
    ]
    with begin(tmp_path / "run") as run:
        with pytest.raises(RtlscribeError, match=r"1 checks could not be made, see .*failures\.jsonl") as raised:
            run.keep(results, key=lambda item: f"item {item}", advance=lambda: advanced.append(1))
        assert raised.value.exit_code == 1
        assert run.done(Verdict) == [verdict(0), verdict(2)]
        assert len(advanced) == 3
        failure = json.loads((run.path / "failures.jsonl").read_text())
        assert failure == {"key": "item 1", "error": "OSError: disk is full"}


def test_as_config_has_every_field() -> None:
    config = Config(completions=Path("c"), data=Path("d"), workers=3)
    assert as_config(config) == {
        "completions": Path("c"),
        "data": Path("d"),
        "rule": "syntax",
        "timeout_s": 30.0,
        "executor": "pool",
        "workers": 3,
        "output": None,
        "fresh": False,
    }
