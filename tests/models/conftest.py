"""A trained model of some thousand parameters, as a folder and as GGUF files."""

from tests.quantizing.conftest import files, trained

__all__ = ["files", "trained"]
