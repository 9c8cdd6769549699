"""Take a dataset of any known form in as samples, each with where it comes from. Does not judge the code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import Parameter

from rtlscribe import jsonl, progress
from rtlscribe.errors import DataError, RtlscribeError, UsageError
from rtlscribe.records import Record, Sample
from rtlscribe.registry import extra
from rtlscribe.rundir import RunDir, as_config, default_folder
from rtlscribe.samples import TracedSample, as_sample, columns
from rtlscribe.summaries import ImportSummary
from rtlscribe.verilog.extract import Extracted, extract

REFUSED = "refused.jsonl"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `rtlscribe data import`."""

    data: Path
    """JSON Lines or a JSON array in a known form; a Parquet file, or a folder of them (extra: data)."""

    instruction: str = ""
    """The column of the instruction, where the form is not known."""

    verilog: str = ""
    """The column of the code, where the form is not known."""

    extract: bool = True
    """Keep of each answer the Verilog in it: no fences, no talk. Rows without a whole module are refused."""

    provenance: tuple[str, ...] = ()
    """NAME=VALUE that every row gets, such as licence="CC BY 4.0" or teacher=NAME. May be given again."""

    output: Path | None = None
    """Run folder; runs/<date>-import by default."""

    fresh: bool = False
    """Start over instead of going on with an earlier attempt."""


class Refused(Record, kw_only=True):
    """A row that was not taken in; `line` counts from 1."""

    line: int
    reason: str
    detail: str = ""


class _Taken:
    """Goes through the rows: samples out, refused rows kept aside, all counted."""

    def __init__(self, config: Config, given: dict[str, str]) -> None:
        self.config, self.given = config, given
        self.rows = self.extracted = 0
        self.refused: Counter[str] = Counter()

    def samples(self, bar: progress.Bar, refuse: Any) -> Iterator[bytes]:
        for number, row in _rows(self.config.data):
            bar.add()
            try:
                sample = self._sample(row, number)
            except DataError as error:
                self._refuse(refuse, Refused(line=number, reason="form", detail=str(error)))
                continue
            if not sample.instruction.strip() or not sample.verilog.strip():
                what = "code" if sample.instruction.strip() else "instruction"
                self._refuse(refuse, Refused(line=number, reason=f"no {what}"))
                continue
            if self.config.extract:
                code, assembly = _plain(sample.verilog, sample.header)
                if assembly in ("none", "truncated"):
                    self._refuse(refuse, Refused(line=number, reason=f"code: {assembly}"))
                    continue
                self.extracted += code != sample.verilog
                # A candidate without a whole module stays as it is: that is what was scored.
                others = tuple(_plain(text, sample.header).code or text for text in sample.responses)
                sample = msgspec.structs.replace(sample, verilog=code, responses=others)
            self.rows += 1
            yield jsonl.encode(sample)

    def _refuse(self, refuse: Any, row: Refused) -> None:
        self.refused[row.reason] += 1
        refuse(row)

    def _sample(self, row: Mapping[str, Any], number: int) -> TracedSample:
        """A row as a sample; columns that are no part of its form become provenance."""
        path, source = self.config.data, {"source": f"{self.config.data.name}:{number}"}
        row = {name: value for name, value in row.items() if value is not None}
        if self.config.instruction:
            wanted = {"instruction": self.config.instruction, "verilog": self.config.verilog}
            for column in wanted.values():
                if not isinstance(row.get(column), str):
                    raise DataError(path, number, f"no text in the column {column!r}; there are: {', '.join(row)}")
            known = {name: row[column] for name, column in wanted.items()}
            more = {name: value for name, value in row.items() if name not in wanted.values()}
        else:
            own = columns(row.keys())
            known = {name: value for name, value in row.items() if name in own}
            more = {name: value for name, value in row.items() if name not in own}
        if isinstance(known.get("provenance"), str):  # as our own Parquet files have it
            known["provenance"] = jsonl.decode(known["provenance"].encode(), dict[str, str], path=path, line=number)
        if "verilog" in known:
            known.setdefault("id", f"{path.stem}-{number}")
        sample = as_sample(msgspec.json.encode(known, enc_hook=str), path, number)
        earlier = sample.provenance if isinstance(sample, TracedSample) else {}
        stated = {name: _text(value) for name, value in more.items()}
        told = {"system": str(row["system"])} if row.get("system") and "system" in known else {}
        fields = {name: getattr(sample, name) for name in Sample.__struct_fields__}
        return TracedSample(**fields, provenance=source | told | stated | earlier | self.given)


def run(config: Config) -> ImportSummary:
    """Take in a dataset as samples, with the provenance of each row.

    Writes out.jsonl, and what was not taken in, with line and reason, to refused.jsonl.
    """
    if bool(config.instruction) != bool(config.verilog):
        raise UsageError("--instruction and --verilog name columns together: one of the two is missing")
    given = _pairs(config.provenance)
    folder = config.output or default_folder("import")
    with RunDir.open(
        folder, stage="import", config=as_config(config), inputs={"data": config.data}, fresh=config.fresh
    ) as work:
        if work.finished:
            return work.summary(ImportSummary)
        (work.path / REFUSED).unlink(missing_ok=True)  # of an attempt that did not come to its end
        taken = _Taken(config, given)
        with work.appending(REFUSED) as refuse, progress.bar("import", _count(config.data)) as bar:
            jsonl.replace(work.out, taken.samples(bar, refuse))
        if not taken.rows:
            raise RtlscribeError(f"none of the rows of {config.data} could be taken in; see {work.path / REFUSED}")
        summary = ImportSummary(
            output=str(work.out),
            rows=taken.rows,
            refused=taken.refused.total(),
            extracted=taken.extracted,
            reasons=dict(sorted(taken.refused.items())),
        )
        work.finish(summary)
    return summary


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    for pair in given:
        if not pair.partition("=")[0] or "=" not in pair:
            raise UsageError(f"--provenance {pair}: wanted NAME=VALUE, such as licence=MIT")
    return {name: value for name, _, value in (pair.partition("=") for pair in given)}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file or of a folder of Parquet files one by one, numbered from 1."""
    parquet = _parquet(path)
    if not parquet:
        for number, text in jsonl.lines(path):
            yield number, jsonl.decode(text, dict[str, Any], path=path, line=number)
        return
    with extra("data"):
        import datasets
    files = [str(file) for file in parquet]
    rows = datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)
    yield from enumerate(rows, 1)


def _count(path: Path) -> int:
    """How many rows there are, for the bar."""
    parquet = _parquet(path)
    if not parquet:
        return sum(1 for _ in jsonl.lines(path))
    with extra("data"):
        import pyarrow.parquet
    return sum(int(pyarrow.parquet.ParquetFile(file).metadata.num_rows) for file in parquet)


def _parquet(path: Path) -> list[Path]:
    """The Parquet files that a path means; none where it is a file of another kind."""
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))
        if not found:
            raise UsageError(f"{path} is a folder without Parquet files; name the file")
        return found
    return [path] if path.suffix == ".parquet" else []


def _plain(text: str, header: str) -> Extracted:
    """The Verilog in an answer; the answer as it stands where that is all of it, and "" where no module is whole."""
    code, assembly = extract(text, header=header)
    if assembly in ("none", "truncated"):
        return Extracted("", assembly)
    return Extracted(text if code.strip() == text.strip() else code, assembly)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
