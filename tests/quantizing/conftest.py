"""A trained model of some thousand parameters, as a folder and as GGUF files."""

import importlib.util
from pathlib import Path

import pytest
from tests.fakes.small_models import trained_model

# Looked for, not imported: in one process with pyslang, xllamacpp aborts.
WITHOUT = not all(map(importlib.util.find_spec, ("gguf", "xllamacpp")))
LEARNT = [
    f"a wire of {n} bits\nmodule w(input [{n - 1}:0] a, output [{n - 1}:0] y);\n    assign y = a;\nendmodule\n"
    for n in range(2, 18)
]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that has learnt LEARNT."""
    folder = tmp_path_factory.mktemp("trained")
    trained_model(folder, LEARNT)
    return folder


@pytest.fixture(scope="session")
def files(trained: Path) -> dict[str, Path]:
    """The same as GGUF files, by type."""
    if WITHOUT:
        pytest.skip("gguf and xllamacpp are not installed: pip install -e '.[gguf]'")
    from rtlscribe.quantizing.gguf_writer import TYPES, write

    made = {type: trained.with_name(f"{trained.name}-{type}.gguf") for type in TYPES}
    for type, path in made.items():
        write(trained, path, type=type)
    return made
