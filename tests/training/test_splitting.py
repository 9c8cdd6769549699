"""Gradients of every way to split are those of the unsplit loss, and that is the loss as plain loops compute it."""

import random
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache, PreTrainedModel

from rtlscribe.errors import UsageError
from rtlscribe.training import likelihood
from rtlscribe.training.data import Row
from rtlscribe.training.grouping import Group, Within
from rtlscribe.training.losses import Objective
from rtlscribe.training.shared_prompt import recompute_activations
from rtlscribe.training.splitting import Split, backward, evaluate

VOCABULARY = 61
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GPT: dict[str, Any] = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}
QUIET = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]
# Windows are smaller than the prompts.
SHARE: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 5},
    "qwen2": {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
    "qwen3": {},
    "gemma": {},
    "gemma2": {"sliding_window": 5, "final_logit_softcapping": 3.0, "attn_logit_softcapping": 5.0},
    "gemma3_text": {"sliding_window": 5, "layer_types": MIXED},
    "phi3": {},
    "gpt2": GPT | QUIET,
    "gpt_neox": {},
    "granite": {"logits_scaling": 4.0},
    "cohere2": {"sliding_window": 5, "logit_scale": 0.25},
    "mixtral": {"num_local_experts": 4},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32, "dropout": 0.0, "max_position_embeddings": 64},
}
CANNOT: dict[str, dict[str, Any]] = {"bloom": {}, "codegen": GPT | QUIET | {"rotary_dim": 8}, "mamba": {}}


def model_of(family: str, **changes: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **SIZES | (SHARE | CANNOT)[family] | changes)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():
        if parameter.ndim > 1:  # so large that attention has its say
            torch.nn.init.normal_(parameter, std=0.2)
    return model.train()


def row_of(rng: random.Random, prompt: int, lengths: list[int], scores: list[float], reference: int) -> Row:
    def tokens(count: int) -> list[int]:
        return [rng.randrange(3, VOCABULARY) for _ in range(count)]

    return Row(tokens(prompt), [tokens(n) for n in lengths], scores, reference)


def ragged_rows() -> list[Row]:
    """Ties, a pair, K = 1, a prompt of one token, responses of one token."""
    rng = random.Random(0)
    return [
        row_of(rng, 17, [3, 9, 1, 5], [0.1, 1.0, 0.5, 0.5], 1),
        row_of(rng, 9, [4, 2], [1.0, 0.3], 0),
        row_of(rng, 12, [6], [1.0], 0),
        row_of(rng, 1, [2, 7, 3], [0.2, 0.0, 1.0], 2),
    ]


def gradients(model: torch.nn.Module) -> dict[str, Tensor]:
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in model.named_parameters()
        if p.requires_grad
    }


def split_gradients(
    model: torch.nn.Module, rows: list[Row], objective: Objective, split: Split, **options: Any
) -> tuple[float, dict[str, Tensor]]:
    model.zero_grad()
    result = backward(model, rows, objective, split=split, **options)
    assert result.tokens == sum(len(row.prompt) + len(r) for row in rows for r in row.responses)
    assert not result.loss.requires_grad
    return result.loss.item(), gradients(model)


def assert_same(got: dict[str, Tensor], expected: dict[str, Tensor], relative: float) -> None:
    """Of all gradients together, and of each parameter with a floor at a thousandth of the whole."""
    norm = torch.stack([g.float().norm() for g in expected.values()]).norm().item()
    assert norm > 0
    for name, gradient in expected.items():
        error = (got[name] - gradient).float().norm().item()
        assert error <= relative * max(gradient.float().norm().item(), 1e-3 * norm), name
    whole = torch.stack([g.float().norm() for g in got.values()]).norm().item()
    assert whole == pytest.approx(norm, rel=relative)


@pytest.fixture
def no_warning() -> Iterator[None]:
    """A model that was expected to share its prompts would warn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*cannot share.*")
        yield


def plain_loss(model: PreTrainedModel, rows: list[Row]) -> Tensor:
    """Sections 3.1 and 3.2 in loops, out of the logits of one sequence at a time."""
    total = torch.zeros(())
    for row in rows:
        log_p = []
        for response in row.responses:
            logits = model(input_ids=torch.tensor([row.prompt + response])).logits[0].float()
            table = logits - logits.exp().sum(dim=-1, keepdim=True).log()
            log_p.append(sum((table[len(row.prompt) - 1 + t, y] for t, y in enumerate(response)), torch.zeros(())))
        e = [(x / len(y)).exp() for x, y in zip(log_p, row.responses, strict=True)]
        s = [x / sum(e) for x in e]
        for k in range(len(s)):
            for t in range(len(s)):
                if row.scores[k] < row.scores[t]:
                    total = total + torch.relu(s[k] - s[t] + 0.3)
        total = total - log_p[row.reference]
    return total / len(rows)


@pytest.mark.parametrize("recomputed", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("family", SHARE)
def test_every_split_has_the_gradients_of_the_plain_loss(family: str, recomputed: bool, no_warning: None) -> None:
    model, rows = model_of(family), ragged_rows()
    expected_loss = plain_loss(model, rows)
    expected_loss.backward()
    expected = gradients(model)
    if recomputed:
        recompute_activations(model)
    ways: list[tuple[Split, Group]] = [
        ("none", 1),
        ("candidates", 1),
        ("shared", 1),
        ("shared", 3),
        ("shared", Within(40)),
    ]
    for split, group in ways:
        loss, got = split_gradients(model, rows, Objective(loss="scoring"), split, group=group)
        assert loss == pytest.approx(expected_loss.item(), rel=1e-5)
        assert_same(got, expected, 1e-5)


@pytest.mark.parametrize("family", CANNOT)
def test_a_model_that_cannot_share_says_so_once_and_is_as_exact(family: str) -> None:
    model, rows = model_of(family), ragged_rows()
    _, expected = split_gradients(model, rows, Objective(loss="scoring"), "none")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            _, got = split_gradients(model, rows, Objective(loss="scoring"), "shared")
    assert len([w for w in told if "cannot share a prompt" in str(w.message)]) == 1
    assert_same(got, expected, 1e-5)


def test_reentrant_checkpointing_falls_back() -> None:
    model, rows = model_of("llama"), ragged_rows()
    _, expected = split_gradients(model, rows, Objective(loss="scoring"), "none")
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": True})
    model.enable_input_require_grads()
    with pytest.warns(UserWarning, match="reentrant"):
        _, got = split_gradients(model, rows, Objective(loss="scoring"), "shared")
    assert_same(got, expected, 1e-5)


@pytest.mark.parametrize("group", [1, 2, 3, 4, 9, Within(30), Within(60), Within(60, 2.0)], ids=str)
@pytest.mark.parametrize("split", ["candidates", "shared"])
@pytest.mark.parametrize(
    "objective",
    [
        Objective(loss="scoring", compare_margin=0.0, score_margin=0.3),  # many slopes are zero
        Objective(loss="scoring", mle_reduction="mean", compare_weight=3.0),
        Objective.public_code(),
        Objective(loss="mle"),
        Objective(loss="mle", mle_reduction="mean"),
    ],
    ids=["sparse", "mean", "public", "mle", "mle-mean"],
)
def test_groups_and_objectives(objective: Objective, split: Split, group: Group, no_warning: None) -> None:
    model, rows = model_of("llama"), ragged_rows()
    expected_loss, expected = split_gradients(model, rows, objective, "none", scale=0.25)
    loss, got = split_gradients(model, rows, objective, split, group=group, scale=0.25)
    assert loss == pytest.approx(expected_loss, rel=1e-5)  # not scaled
    assert_same(got, expected, 1e-5)
    assert evaluate(model.eval(), rows, objective).item() == pytest.approx(expected_loss, rel=1e-5)


def test_gradients_are_added_to_those_there_are(no_warning: None) -> None:
    model, rows = model_of("qwen3"), ragged_rows()
    _, once = split_gradients(model, rows, Objective(loss="scoring"), "shared")
    backward(model, rows, Objective(loss="scoring"), split="shared")
    assert_same(gradients(model), {name: 2 * g for name, g in once.items()}, 1e-5)


@pytest.mark.parametrize("split", ["none", "candidates", "shared"])
@pytest.mark.parametrize("objective", [Objective(), Objective(loss="scoring")], ids=["mle", "scoring"])
def test_one_pass_is_told_to_be_the_last_and_a_loss_scale_is_undone_by_one_division(
    split: Split, objective: Objective
) -> None:
    model, rows = model_of("llama"), ragged_rows()[:2]
    _, expected = split_gradients(model, rows, objective, split)
    lasts = []

    def scaled(value: Tensor, last: bool) -> None:
        lasts.append(last)
        (value * 1024).backward()

    _, got = split_gradients(model, rows, objective, split, run_backward=scaled)
    assert lasts == [False] * (len(lasts) - 1) + [True]
    assert_same({name: g / 1024 for name, g in got.items()}, expected, 1e-6)


# The last has adapters on which no key or value depends.
@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], ["down_proj"], ["2.mlp.down_proj"]], ids=str)
@pytest.mark.parametrize("recomputed", [False, True], ids=["kept", "recomputed"])
def test_lora(targets: list[str], recomputed: bool, no_warning: None) -> None:
    peft = pytest.importorskip("peft", reason="the extra with peft is not installed")
    rows = ragged_rows()
    model = peft.get_peft_model(model_of("mistral"), peft.LoraConfig(r=4, target_modules=targets, lora_dropout=0.0))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zero at first, which would hide the gradients of A
            torch.nn.init.normal_(parameter, std=0.2)
    if recomputed:
        recompute_activations(model)
    _, expected = split_gradients(model, rows, Objective(loss="scoring"), "none")
    for split in ("candidates", "shared"):
        _, got = split_gradients(model, rows, Objective(loss="scoring"), split)
        assert_same(got, expected, 1e-5)


def test_prompt_tuning_is_refused() -> None:
    peft = pytest.importorskip("peft", reason="the extra with peft is not installed")
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    with pytest.raises(UsageError, match="LoRA"):
        backward(peft.get_peft_model(model_of("llama"), config), ragged_rows(), Objective())


def test_no_causal_language_model() -> None:
    with pytest.raises(UsageError, match="ForCausalLM"):
        backward(torch.nn.Linear(2, 2), ragged_rows(), Objective())


@pytest.mark.parametrize("split", ["candidates", "shared"])
def test_bfloat16(split: Split) -> None:
    rows = ragged_rows()
    _, exact = split_gradients(model_of("llama"), rows, Objective(loss="scoring"), "none")
    model = model_of("llama").to(torch.bfloat16)
    _, unsplit = split_gradients(model, rows, Objective(loss="scoring"), "none")
    _, got = split_gradients(model, rows, Objective(loss="scoring"), split)

    def off(other: dict[str, Tensor]) -> float:
        parts = [(other[name].float() - g).norm() for name, g in exact.items()]
        return (torch.stack(parts).norm() / torch.stack([g.norm() for g in exact.values()]).norm()).item()

    # As near to the gradients of float32 as the unsplit loss comes in this type.
    assert off(got) < max(1.5 * off(unsplit), 0.05)


def test_autocast_over_float32_weights(no_warning: None) -> None:
    model, rows = model_of("llama"), ragged_rows()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, expected = split_gradients(model, rows, Objective(loss="scoring"), "none")
        for split in ("candidates", "shared"):
            _, got = split_gradients(model, rows, Objective(loss="scoring"), split)
            assert_same(got, expected, 0.1)


def in_turn(model: PreTrainedModel, row: Row, *, shared: bool) -> Tensor:
    """The loss in one graph, with random numbers drawn in the order of the split passes: the shortest first."""
    prompt = row.prompt[:-1]
    layers = model(input_ids=torch.tensor([prompt]), use_cache=True).past_key_values.layers if shared else []
    pairs = [(layer.keys, layer.values) for layer in layers]
    log_p: list[Tensor] = [torch.zeros(())] * len(row.responses)
    for k in sorted(range(len(row.responses)), key=lambda k: len(row.responses[k])):
        response = row.responses[k]
        if not shared:
            logits = model(input_ids=torch.tensor([row.prompt + response[:-1]])).logits[0, len(prompt) :]
        else:
            ids = torch.tensor([[row.prompt[-1], *response[:-1]]])
            cache = DynamicCache()
            for place, (key, value) in enumerate(pairs):
                cache.update(key, value, place)
            logits = model(input_ids=ids, past_key_values=cache, use_cache=True).logits[0]
        log_p[k] = torch.log_softmax(logits, dim=-1)[range(len(response)), response].sum()
    length = torch.tensor([len(r) for r in row.responses])
    return Objective(loss="scoring")(
        torch.stack(log_p), length, [len(row.prompt)], torch.tensor(row.scores), [len(length)], [row.reference]
    )


@pytest.mark.parametrize("recomputed", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("split", ["candidates", "shared"])
def test_dropout_is_the_same_in_both_passes(split: Split, recomputed: bool) -> None:
    row = ragged_rows()[0]
    model = model_of("gpt2", attn_pdrop=0.2, resid_pdrop=0.2, embd_pdrop=0.2)
    torch.manual_seed(7)
    backward(model, [row], Objective(loss="scoring"), split=split)  # the check is done with
    torch.manual_seed(7)
    expected_loss = in_turn(model, row, shared=split == "shared")
    after = torch.rand(3)
    model.zero_grad()
    expected_loss.backward()
    expected = gradients(model)
    if recomputed:
        recompute_activations(model)
    torch.manual_seed(7)
    loss, got = split_gradients(model, [row], Objective(loss="scoring"), split)
    assert loss == pytest.approx(expected_loss.item(), rel=1e-5)
    assert_same(got, expected, 1e-5)
    torch.manual_seed(7)
    backward(model, [row], Objective(loss="scoring"), split=split)
    assert torch.equal(torch.rand(3), after)  # as many numbers were drawn as by one pass


@pytest.mark.parametrize("recomputed", [False, True], ids=["kept", "recomputed"])
def test_logits_in_chunks(recomputed: bool, monkeypatch: pytest.MonkeyPatch, no_warning: None) -> None:
    model, rows = model_of("gemma2"), ragged_rows()
    _, expected = split_gradients(model, rows, Objective(loss="scoring"), "none")
    monkeypatch.setattr(likelihood, "LOGITS", 4 * VOCABULARY)  # four tokens at a time
    if recomputed:
        recompute_activations(model)
    sizes = []
    handle = model.lm_head.register_forward_hook(lambda _m, _i, output: sizes.append(output[..., 0].numel()))
    for split in ("none", "shared"):
        _, got = split_gradients(model, rows, Objective(loss="scoring"), split)
        assert_same(got, expected, 1e-5)
    handle.remove()
    assert max(sizes) <= max(4, sum(len(row.responses) for row in rows))  # the decoder's own call takes one a sequence


def test_rotary_positions_that_depend_on_the_length_are_not_shared(no_warning: None) -> None:
    # Beyond 16 tokens the angles of a pass change with its length: a prompt alone has others than a whole sequence.
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    model = model_of("llama", max_position_embeddings=16, rope_parameters=rope)
    rng = random.Random(1)
    rows = [row_of(rng, 14, [6, 6], [1.0, 0.0], 0), row_of(rng, 6, [5, 4], [1.0, 0.0], 0)]
    for row in rows:
        _, expected = split_gradients(model, [row], Objective(loss="scoring"), "none")
        _, got = split_gradients(model, [row], Objective(loss="scoring"), "shared")
        assert_same(got, expected, 1e-5)


def test_the_model_is_left_as_it_was() -> None:
    model, rows = model_of("gemma3_text"), ragged_rows()
    attention, decoder, modes = model.config._attn_implementation, model.model, [m.training for m in model.modules()]
    logits = model(input_ids=torch.tensor([rows[0].prompt])).logits
    backward(model, rows, Objective(loss="scoring"), split="shared")
    assert model.config._attn_implementation == attention
    assert model.model is decoder
    assert "forward" not in model.__dict__
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(model(input_ids=torch.tensor([rows[0].prompt])).logits, logits)
