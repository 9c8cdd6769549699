"""A program as a model: `program:PATH` runs PATH for each completion, the prompt on stdin, the completion on stdout."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from rtlscribe.errors import MissingToolError, RtlscribeError
from rtlscribe.models.base import Request
from rtlscribe.records import Completion, Sampling


class ProgramModel:
    """Whatever the program is: a script around an API, a model in another language, a colleague at a prompt."""

    def __init__(self, path: str, *, batch_size: int = 32) -> None:
        program = shutil.which(path)
        if not program:
            raise MissingToolError(f"program:{path}: there is no such program; name an executable file")
        self.name = f"program:{path}"
        self._program = program

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        for request in requests:
            for index in request.indices:
                yield Completion(
                    problem_id=request.problem_id,
                    index=index,
                    text=self._answer(request, index, sampling),
                    model=self.name,
                    sampling=sampling,
                    finish_reason="stop",
                )

    def _answer(self, request: Request, index: int, sampling: Sampling) -> str:
        seed = hashlib.sha256(f"{sampling.seed} {request.problem_id} {index}".encode()).hexdigest()[:8]
        told = {"SEED": str(int(seed, 16)), "TEMPERATURE": str(sampling.temperature)}
        prompt = f"{request.system}\n\n{request.prompt}" if request.system else request.prompt
        done = subprocess.run(
            [self._program], input=prompt, env=os.environ | told, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RtlscribeError(f"{self.name} ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
        return done.stdout
