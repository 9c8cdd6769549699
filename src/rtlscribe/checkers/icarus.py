"""Icarus Verilog's programs: where they are, and how they are run in a box. Judges nothing.

The compiler's two halves, ivlpp and ivl, are called directly, as its driver does after a detour through a shell and
temporary files; the driver itself is used where its exact behaviour counts, or where the halves cannot be found.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rtlscribe.checkers.sandbox import NOTHING, Box, Edited, Finished
from rtlscribe.errors import MissingToolError, RtlscribeError

REMEDY = "apt-get install iverilog, brew install icarus-verilog, or `make icarus12`; then see `rtlscribe doctor`"
OLDEST = 11
SOURCE = "source.v"
PROGRAM, REPLACED = "program.vvp", "replaced.vvp"
TRIAL = 'module trial; initial $display("it works"); endmodule\n'
TRIAL_SECONDS = 30.0
SAID_CHARACTERS = 300
# What the driver tells ivl for -g2012, but for the modules.
_CONFIG = """basedir:{library}
{modules}generation:2012
generation:no-specify
generation:assertions
generation:xtypes
generation:io-range-error
generation:no-strict-ca-eval
generation:no-strict-expr-width
generation:shared-loop-index
generation:no-verilog-ams
generation:icarus-misc
warnings:n
ignore_missing_modules:false
iwidth:32
widthcap:65536
"""
# The simulator's modules with the functions that make them worth loading, which costs both halves of each run.
_MODULES = {
    "v2005_math": frozenset(
        {"$acos", "$acosh", "$asin", "$asinh", "$atan", "$atan2", "$atanh", "$ceil", "$cos", "$cosh", "$exp", "$floor"}
        | {"$hypot", "$ln", "$log10", "$pow", "$sin", "$sinh", "$sqrt", "$tan", "$tanh"}
    ),
    "va_math": frozenset({"$abs", "$max", "$min"}),
    "v2009": frozenset(
        {"$countbits", "$countones", "$dimensions", "$high", "$increment", "$isunknown", "$left", "$low", "$onehot"}
        | {"$onehot0", "$right", "$unpacked_dimensions"}
    ),
}
_SYSTEM_NAME = re.compile(r"\$\w+")
_NOT_STARTED = (126, 127)  # what a shell ends with that cannot start its program


class Tools(NamedTuple):
    """The programs of Icarus Verilog and their version, for example "11.0".

    `library` holds ivlpp, ivl and the simulator's modules; None if it was not found.
    """

    iverilog: Path
    vvp: Path
    version: str
    library: Path | None

    @property
    def readable(self) -> list[Path]:
        """What a sandbox has to let them read."""
        places = [self.iverilog.resolve(), self.vvp.resolve(), *([self.library] if self.library else [])]
        # A bundle brings shared libraries and wrappers of its own beside its bin folder.
        return [*places, *(p.parents[1] / "lib" for p in places[:2] if p.parents[1] != Path("/usr"))]


def find_tools() -> Tools:
    """Icarus Verilog from $RTLSCRIBE_ICARUS (a bin folder), else the private build of `make icarus12`, else the PATH.

    Raises:
        MissingToolError: it is nowhere, cannot be run, or is too old.
    """
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    private = data / "rtlscribe/icarus12/bin"
    chosen = os.environ.get("RTLSCRIBE_ICARUS")
    places = chosen if chosen else f"{private}{os.pathsep}{os.environ.get('PATH', '')}"
    found = [shutil.which(name, path=places) for name in ("iverilog", "vvp")]
    if not found[0] or not found[1]:
        where = f"in RTLSCRIBE_ICARUS={chosen}" if chosen else "on the PATH"
        raise MissingToolError(f"Icarus Verilog (iverilog, vvp) is not {where}: {REMEDY}")
    version, library = _ask(found[0])
    if int(version.partition(".")[0]) < OLDEST:
        raise MissingToolError(f"{found[0]} is version {version}; 12 is wanted, and {OLDEST} will do: {REMEDY}")
    return Tools(Path(found[0]), Path(found[1]), version, library)


@functools.cache
def _ask(iverilog: str) -> tuple[str, Path | None]:
    """The version, and the folder of the compiler's halves as the driver tells it when it compiles."""
    try:
        said = _output([iverilog, "-V"])
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "empty.v"
            source.write_text("module empty; endmodule\n")
            told = _output([iverilog, "-v", "-o", str(Path(folder) / PROGRAM), str(source)])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingToolError(f"{iverilog} does not run ({error}): {REMEDY}") from error
    version = re.search(r"Icarus Verilog version (\d\S*)", said)
    if not version:
        raise MissingToolError(f"{iverilog} -V did not tell its version: {REMEDY}")
    place = re.search(r"^translate: (.*?)/ivlpp ", told, re.MULTILINE)
    library = Path(place.group(1)) if place else None
    whole = library and all((library / name).exists() for name in ("ivl", "ivlpp", "system.vpi", "vvp.conf"))
    return version.group(1), library if whole else None


def _output(command: list[str]) -> str:
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=20, check=False
    ).stdout


class Icarus:
    """The programs at work in a box."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self._tried = False

    def try_out(self, box: Box) -> None:
        """Once: compile and run a trifle.

        Raises:
            RtlscribeError: they do not work together, or not in the sandbox; every answer would look like a wrong one.
        """
        if self._tried:
            return
        deadline = time.monotonic() + TRIAL_SECONDS
        done = self.preprocess(box, TRIAL, "trial.v", to="expanded.v", deadline=deadline)
        if done.status == 0:
            expanded = box.read("expanded.v", most=SAID_CHARACTERS) or ""
            done = self.compile(box, expanded, roots=["trial"], deadline=deadline)
        if done.status == 0:
            done = self.simulate(box, deadline=deadline)
        if done.status != 0 or "it works" not in done.stdout:
            said = " ".join((done.stderr + done.stdout).split())[:SAID_CHARACTERS] or f"status {done.status}"
            raise RtlscribeError(
                f"{self.tools.iverilog} and {self.tools.vvp} do not work together, or not in the sandbox: {said}; "
                "see `rtlscribe doctor`"
            )
        box.empty()
        self._tried = True

    def preprocess(self, box: Box, text: str, name: str, *, to: str, deadline: float) -> Finished:
        """Expand the directives of a text, but for those that the compiler itself takes, into the file `to`.

        `name` is the text's own, which messages tell.
        """
        files = {name: text}
        if not self.tools.library:
            return self.drive(box, ["-g2012", "-E", "-o", to, name], files=files, makes=to, deadline=deadline)
        return box.run([str(self.tools.library / "ivlpp"), "-L", name], files=files, deadline=deadline, stdout=to)

    def compile(
        self, box: Box, text: str, *, roots: Sequence[str], deadline: float, beside: Mapping[str, str] = NOTHING
    ) -> Finished:
        """Compile a preprocessed text into PROGRAM. `roots` are what to elaborate; [] leaves it to the compiler.

        `beside` are more files that it, or the program, may read.
        """
        files = {**beside, SOURCE: text}
        if not self.tools.library:
            tops = [flag for root in roots for flag in ("-s", root)]
            arguments = ["-g2012", *tops, "-o", PROGRAM, SOURCE]
            return self.drive(box, arguments, files=files, makes=PROGRAM, deadline=deadline)
        files["config"] = self._config(roots, _modules(text))
        halves = ["-Cconfig", f"-C{self.tools.library / 'vvp.conf'}", "--", "-"]
        command = [str(self.tools.library / "ivl"), *halves]
        return box.run(command, files=files, deadline=deadline, stdin=SOURCE, makes=PROGRAM)

    def drive(
        self, box: Box, arguments: Sequence[str], *, files: Mapping[str, str], makes: str, deadline: float
    ) -> Finished:
        """Run the compiler's driver on files.

        Raises:
            RtlscribeError: it could not start its programs. An answer cannot choose the compiler's status.
        """
        done = box.run([str(self.tools.iverilog), *arguments], files=files, deadline=deadline, makes=makes)
        if done.status in _NOT_STARTED:
            raise RtlscribeError(f"cannot run {self.tools.iverilog}: {done.stderr.strip() or f'status {done.status}'}")
        return done

    def simulate(self, box: Box, *, deadline: float, replaced: Sequence[tuple[str, str]] = ()) -> Finished:
        """Run PROGRAM, with texts in it replaced that must be there once; $stop ends it with status 1."""
        name, files = (REPLACED, {REPLACED: Edited(PROGRAM, replaced)}) if replaced else (PROGRAM, NOTHING)
        return box.run([str(self.tools.vvp), "-N", name], files=files, deadline=deadline)

    def _config(self, roots: Sequence[str], modules: Iterable[str]) -> str:
        library = self.tools.library
        lines = "".join(f"module:{library}/{name}.vpi\n" for name in modules)
        tops = "".join(f"root:{root}\n" for root in roots)
        return tops + _CONFIG.format(library=library, modules=lines) + f"out:{PROGRAM}\n"


def _modules(text: str) -> list[str]:
    """The modules of the simulator that a text may have a use for; to name too many does no harm."""
    names = set(_SYSTEM_NAME.findall(text))
    return ["system", *(module for module, functions in _MODULES.items() if functions & names)]
