"""Training of causal language models on samples: data, losses, trainer, and a model from scratch."""
