"""The transformers back end: the same answer alone or in a batch, sampling as it is defined, beams, bad folders."""

from pathlib import Path

import pytest
import torch
from transformers import Lfm2Config, Lfm2ForCausalLM

from rtlscribe.errors import UsageError
from rtlscribe.flow import completed_or_empty
from rtlscribe.models.base import Request, open_model
from rtlscribe.models.hf import HfModel, choose, load
from rtlscribe.models.streaming import Piece
from rtlscribe.prompts import Template, prompt_ids
from rtlscribe.records import Problem, Sampling
from rtlscribe.training.scratch import Size, build_model

REQUESTS = [Request(problem_id=f"p{n}", prompt="module " * (1 + 3 * n), indices=(0, 1, 2)) for n in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model")
    build_model(["module m; endmodule"], path, size=Size(hidden=32, layers=2, heads=2, vocabulary=270), seed=0)
    return str(path)


def texts(model: HfModel, requests: list[Request], sampling: Sampling) -> dict[tuple[str, int], str]:
    return {(c.problem_id, c.index): c.text for c in model.complete(requests, sampling=sampling)}


# The first is longer than the room that the cache makes at a time, and rows of it end early.
@pytest.mark.parametrize("sampling", [Sampling(n=3, temperature=1.0, seed=3, max_tokens=300), Sampling(max_tokens=12)])
def test_an_answer_does_not_depend_on_its_batch(folder: str, sampling: Sampling) -> None:
    together = texts(HfModel(folder, batch_size=12), REQUESTS, sampling)
    alone = texts(HfModel(folder, batch_size=1), REQUESTS, sampling)
    assert len(together) == 12
    assert together == alone


def test_so_it_is_with_layers_that_keep_a_state(folder: str, tmp_path: Path) -> None:
    _, tokenizer = load(folder)
    config = Lfm2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        layer_types=["conv", "full_attention"],
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    Lfm2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    sampling = Sampling(n=3, temperature=1.0, seed=3, max_tokens=20)
    together = texts(HfModel(str(tmp_path), batch_size=12), REQUESTS, sampling)
    assert together == texts(HfModel(str(tmp_path), batch_size=1), REQUESTS, sampling)


def test_a_problem_may_be_asked_in_several_ways(folder: str) -> None:
    model, sampling = HfModel(folder), Sampling(n=2, temperature=1.0, seed=3, max_tokens=12)
    ways = [Request(problem_id="p", prompt=text, indices=(n,)) for n, text in enumerate(("module a", "endmodule b c"))]
    assert texts(model, ways, sampling) == texts(model, ways[:1], sampling) | texts(model, ways[1:], sampling)


def test_seeds_and_indices_differ_and_greedy_copies_are_refused(folder: str) -> None:
    model = HfModel(folder)
    one = texts(model, REQUESTS, Sampling(n=3, temperature=1.0, seed=1, max_tokens=12))
    two = texts(model, REQUESTS, Sampling(n=3, temperature=1.0, seed=2, max_tokens=12))
    assert one != two
    assert len({one["p0", i] for i in range(3)}) == 3
    with pytest.raises(UsageError, match="3 completions at temperature 0 are one and the same"):
        texts(model, REQUESTS, Sampling(n=3, max_tokens=12))


def test_the_greedy_answer_is_that_of_transformers(folder: str) -> None:
    model, tokenizer = load(folder)
    found = texts(HfModel(folder), REQUESTS, Sampling(max_tokens=20))
    for request in REQUESTS:
        ids = torch.tensor([prompt_ids(tokenizer, request.prompt)])
        said = model.generate(input_ids=ids, max_new_tokens=20, do_sample=False)[0, ids.shape[1] :]
        assert found[request.problem_id, 0] == tokenizer.decode(said, skip_special_tokens=True)


def test_the_n_best_beams_are_distinct_and_the_first_is_the_likeliest(folder: str) -> None:
    model = HfModel(folder)
    found = texts(model, REQUESTS[:2], Sampling(n=3, beams=3, max_tokens=6))
    assert len({found["p1", i] for i in range(3)}) == 3
    with pytest.raises(UsageError, match="takes no temperature"):
        texts(model, REQUESTS[:1], Sampling(n=3, beams=3, temperature=1.0, max_tokens=6))
    with pytest.raises(UsageError, match="at least as many beams"):
        texts(model, REQUESTS[:1], Sampling(n=3, beams=2, max_tokens=6))


def test_owed_indices_alone_are_answered(folder: str) -> None:
    model = HfModel(folder)
    whole = texts(model, REQUESTS, Sampling(n=3, temperature=1.0, max_tokens=8))
    owed = [Request(problem_id="p2", prompt=REQUESTS[2].prompt, indices=(1,))]
    assert texts(model, owed, Sampling(n=3, temperature=1.0, max_tokens=8)) == {("p2", 1): whole["p2", 1]}


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.7)])
def test_sampling_follows_the_distribution(temperature: float, top_p: float) -> None:
    torch.manual_seed(0)
    logits, draws = torch.randn(8), 20000
    uniforms = torch.rand(draws)
    chosen = choose(logits.expand(draws, -1), uniforms, temperature=temperature, top_p=top_p)
    p, order = torch.softmax(logits / temperature, dim=-1).sort(descending=True)
    kept = p * (p.cumsum(0) - p < top_p)
    expected = torch.zeros(8).scatter(0, order, kept / kept.sum())
    assert torch.allclose(torch.bincount(chosen, minlength=8) / draws, expected, atol=0.02)


def test_bad_folders_are_named(tmp_path: Path, folder: str) -> None:
    with pytest.raises(UsageError, match=r"no config\.json"):
        open_model(f"hf:{tmp_path}")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot load the model"):
        open_model(f"hf:{tmp_path}")


@pytest.mark.parametrize("name", ["./typo", "runs/demo/typo/model", "~/typo", "tests/typo"])
def test_a_mistyped_path_is_not_looked_for_on_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(UsageError, match="there is no model folder"):
        load(name)


def test_a_prompt_longer_than_the_context_is_named(folder: str) -> None:
    long = Request(problem_id="long", prompt="word " * 3000, indices=(0,))
    with pytest.raises(UsageError, match=r"'long' has .* more than"):
        list(HfModel(folder).complete([long], sampling=Sampling()))


def test_of_what_is_judged_such_a_prompt_has_empty_completions(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    model, template, sampling = HfModel(folder), Template("rtlcoder"), Sampling(n=2, temperature=1.0, max_tokens=8)
    short, long = (Problem(id=i, text=text) for i, text in (("short", "a gate"), ("long", "word " * 2000)))
    said = {(c.problem_id, c.index): c for c in completed_or_empty([short, long], model, template, sampling=sampling)}
    assert [bool(said[i, k].text) for i in ("short", "long") for k in range(2)] == [True, True, False, False]
    assert "refuses the prompts of 1 problems, which count as failed: the prompt of 'long'" in capsys.readouterr().err
    with pytest.raises(UsageError, match="the prompt of 'long' has"):
        list(completed_or_empty([long], model, template, sampling=sampling))


def test_pieces_make_up_the_completion(folder: str) -> None:
    model = HfModel(folder, batch_size=5)
    sampling = Sampling(n=3, temperature=1.0, seed=3, max_tokens=30)
    said: dict[tuple[str, int], str] = {}
    whole: dict[tuple[str, int], str] = {}
    for item in model.pieces(REQUESTS, sampling=sampling):
        key = item.problem_id, item.index
        if isinstance(item, Piece):
            assert key not in whole
            said[key] = said.get(key, "") + item.text
        else:
            whole[key] = item.text
    assert whole == texts(model, REQUESTS, sampling)
    # What ends in half a character waits for the rest of it, which does not always come.
    assert all(said.get(key, "").rstrip("\ufffd") == text.rstrip("\ufffd") for key, text in whole.items())
    assert len(said) == 12
