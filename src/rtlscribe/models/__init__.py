"""Models: back ends that complete prompts."""
