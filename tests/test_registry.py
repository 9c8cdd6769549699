"""One lookup for all seams: found, unknown with the choices, and a package that is missing."""

import pytest

from rtlscribe import registry
from rtlscribe.benchmarks.base import TABLE as BENCHMARKS
from rtlscribe.checkers.base import TABLE as CHECKERS
from rtlscribe.errors import MissingToolError, UsageError
from rtlscribe.executors.base import TABLE as EXECUTORS
from rtlscribe.models.base import TABLE as MODELS
from rtlscribe.models.base import open_model

TABLES = {"benchmark": BENCHMARKS, "checker": CHECKERS, "executor": EXECUTORS, "model": MODELS}
LIGHT = [(kind, name) for kind, table in TABLES.items() for name in table if name != "hf"]


@pytest.mark.parametrize(("kind", "name"), LIGHT)
def test_every_entry_leads_to_what_it_names(kind: str, name: str) -> None:
    found = registry.lookup(kind, name, TABLES[kind])
    assert isinstance(found, type) == (name != "box")  # which is a function: it opens a model of another back end
    assert f"{found.__module__}:{found.__name__}" == TABLES[kind][name]


@pytest.mark.parametrize("kind", TABLES)
def test_unknown_name_lists_the_choices(kind: str) -> None:
    choices = ", ".join(sorted(TABLES[kind]))
    with pytest.raises(UsageError, match=f"^no {kind} is called 'vlm'; there are: {choices}$"):
        registry.lookup(kind, "vlm", TABLES[kind])


def test_missing_package_is_named_with_the_extra() -> None:
    with pytest.raises(MissingToolError, match=r"package 'nonsense_package' is not installed: .*pip install"):
        registry.lookup("checker", "x", {"x": "nonsense_package.inner:Thing"})


def test_fault_of_our_own_is_not_taken_for_a_missing_package() -> None:
    with pytest.raises(ModuleNotFoundError):
        registry.lookup("checker", "x", {"x": "rtlscribe.nonsense:Thing"})


@pytest.mark.parametrize("name", ["hf:", "scripted:", ":", ":x", "vlm:x"])
def test_model_names_that_mean_nothing(name: str) -> None:
    with pytest.raises(UsageError):
        open_model(name)
