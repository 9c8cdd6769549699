"""Log-probabilities of responses under a causal language model, without the logits of a whole batch in memory.

The model may be wrapped (peft, DistributedDataParallel, FSDP, DeepSpeed): all calls go through the outermost module.
Does not know losses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from rtlscribe.errors import UsageError

# Logits in memory at a time, in float32 elements: 128 MiB, and as much again for their gradient.
LOGITS = 2**25


class Batch(NamedTuple):
    """G sequences of a prompt and a response, padded on the right to T tokens; n is the sum of the responses' lengths.

    Nothing attends to what comes after it, so padding needs no mask. The last token of a response is not an input.
    """

    input_ids: Tensor  # [G, T]
    predicts: Tensor  # [G, T], true where the next token is one of a response
    targets: Tensor  # [n], those tokens
    lengths: list[int]  # [G] tokens of each response


def batch_of(prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], device: torch.device) -> Batch:
    """A batch of pairs; prompts and responses have one token or more."""
    width = max(len(p) + len(r) - 1 for p, r in zip(prompts, responses, strict=True))
    ids, predicts = [], []
    for prompt, response in zip(prompts, responses, strict=True):
        rest = width - len(prompt) - len(response) + 1
        ids.append([*prompt, *response[:-1]] + [response[-1]] * rest)
        predicts.append([False] * (len(prompt) - 1) + [True] * len(response) + [False] * rest)
    return Batch(
        torch.tensor(ids, device=device),
        torch.tensor(predicts, device=device),
        torch.tensor([token for response in responses for token in response], device=device),
        [len(response) for response in responses],
    )


def core_of(model: nn.Module) -> PreTrainedModel:
    """The transformers model inside of its wrappers.

    Raises:
        UsageError: there is none, or it has no decoder apart from its head.
    """
    core = next((module for module in model.modules() if isinstance(module, PreTrainedModel)), None)
    if core is None or core.get_output_embeddings() is None or _decoder_place(core) is None:
        raise UsageError(
            f"{type(core or model).__name__} is no causal language model of transformers with a decoder and an output "
            "layer: give a ...ForCausalLM"
        )
    return core


def _decoder_place(core: PreTrainedModel) -> tuple[nn.Module, str] | None:
    """The module whose child of this name the model's forward calls for hidden states."""
    name = next((n for n in (core.base_model_prefix, "model") if n in core._modules), None)
    if name is None:
        return None
    child = core._modules[name]
    assert child is not None
    # OPT's forward reaches through to `self.model.decoder`.
    return (child, "decoder") if "decoder" in child._modules else (core, name)


def log_probabilities(model: nn.Module, batch: Batch, *, first_position: int = 0) -> Tensor:
    """[G] sums over each response of log P(y^t | x, y^<t), in nats and float32.

    Args:
        first_position: the place of the first input token in its sequence, where what comes before it is known to the
            model in another way.

    Raises:
        UsageError: the model puts tokens of its own before the prompt (prompt tuning).
    """
    core = core_of(model)
    forward = core.forward

    def inner(*_: Any, **inputs: Any) -> Tensor:
        _check_inputs(inputs)
        output = _decoder_output(core, forward, _inputs(batch.input_ids, first_position))
        return _of_tokens(core, forward, output, batch)

    with _forward_replaced(core, inner):
        log_p: Tensor = model(input_ids=batch.input_ids)
    return torch.stack([part.sum() for part in log_p.float().split(batch.lengths)])


def last_hidden_states(model: nn.Module, input_ids: Tensor) -> Tensor:
    """[G, T, hidden] the decoder's output, without the head."""
    core = core_of(model)
    forward = core.forward

    def inner(*_: Any, **inputs: Any) -> Tensor:
        _check_inputs(inputs)
        hidden: Tensor = _decoder_output(core, forward, _inputs(input_ids, 0)).last_hidden_state
        return hidden

    with _forward_replaced(core, inner):
        result: Tensor = model(input_ids=input_ids)
    return result


def _inputs(input_ids: Tensor, first_position: int) -> dict[str, Any]:
    inputs: dict[str, Any] = {"input_ids": input_ids, "use_cache": False}
    if first_position:
        positions = torch.arange(first_position, first_position + input_ids.shape[1], device=input_ids.device)
        inputs["position_ids"] = positions[None]
    return inputs


def _check_inputs(inputs: dict[str, Any]) -> None:
    if inputs.get("inputs_embeds") is not None or inputs.get("past_key_values") is not None:
        raise UsageError("prompt and prefix tuning cannot be trained here: use LoRA, which changes no inputs")


def _of_tokens(core: PreTrainedModel, forward: Callable[..., Any], output: Any, batch: Batch) -> Tensor:
    """[n] log-probability of each response token."""
    # All that an architecture does after its decoder (a cap, a scale, a second layer) is done by its own forward, to
    # which the hidden states of some positions are given in place of the decoder's output.
    hidden = output.last_hidden_state[batch.predicts]

    def of_chunk(hidden: Tensor, targets: Tensor) -> Tensor:
        with _decoder_replaced(core, lambda *_, **__: _with_hidden(output, hidden[None])):
            logits = forward(inputs_embeds=hidden[None], use_cache=False).logits[0]
        return -functional.cross_entropy(logits.float(), targets, reduction="none")

    size = max(1, LOGITS // core.config.get_text_config().vocab_size)
    if len(hidden) <= size or not torch.is_grad_enabled():
        parts = [of_chunk(h, t) for h, t in zip(hidden.split(size), batch.targets.split(size), strict=True)]
    else:
        chunks = zip(hidden.split(size), batch.targets.split(size), strict=True)
        parts = [checkpoint(of_chunk, h, t, use_reentrant=False) for h, t in chunks]
    return torch.cat(parts)


def _decoder_output(core: PreTrainedModel, forward: Callable[..., Any], inputs: dict[str, Any]) -> Any:
    """What the decoder returns, out of a call of the model's own forward, so that autocast around it stays in force."""
    parent, name = _decoder_place(core) or (core, "")
    decoder = getattr(parent, name)
    outputs: list[Any] = []

    def capture(*args: Any, **kwargs: Any) -> Any:
        outputs.append(decoder(*args, **kwargs))
        return _with_hidden(outputs[0], outputs[0].last_hidden_state[:, :1])  # the head is run on one position

    with _decoder_replaced(core, capture):
        forward(**inputs)
    return outputs[0]


def _with_hidden(output: Any, hidden: Tensor) -> Any:
    """A copy of a decoder's output with other hidden states."""
    return type(output)(**{**output, "last_hidden_state": hidden})


class _StandIn(nn.Module):
    """In the decoder's place during one call of the model's forward."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


@contextmanager
def _decoder_replaced(core: PreTrainedModel, function: Callable[..., Any]) -> Iterator[None]:
    parent, name = _decoder_place(core) or (core, "")
    decoder = parent._modules[name]
    parent._modules[name] = _StandIn(function)
    try:
        yield
    finally:
        parent._modules[name] = decoder


@contextmanager
def _forward_replaced(core: PreTrainedModel, function: Callable[..., Any]) -> Iterator[None]:
    """In the instance alone, inside of hooks and wrappers, which stay in force."""
    before = core.__dict__.get("forward")
    core.__dict__["forward"] = function
    try:
        yield
    finally:
        if before is None:
            del core.__dict__["forward"]
        else:
            core.__dict__["forward"] = before
