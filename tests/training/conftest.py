"""A model of a few thousand parameters, made once."""

import pytest

from rtlscribe.records import Sample
from rtlscribe.training.scratch import Size, build_model


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    """Rows a model can learn in seconds: the width in the words is the width in the code."""
    return [
        Sample(
            id=f"wire-{width}",
            instruction=f"a wire of {width} bits",
            verilog=f"module w(input [{width - 1}:0] a, output [{width - 1}:0] y); assign y = a; endmodule\n",
        )
        for width in range(2, 34)
    ]


@pytest.fixture(scope="session")
def base(samples: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of an untrained model."""
    folder = tmp_path_factory.mktemp("base")
    texts = [s.instruction + "\n" + s.verilog for s in samples]
    build_model(texts, folder, size=Size(hidden=32, layers=2, heads=2, vocabulary=300), seed=0)
    return str(folder)
