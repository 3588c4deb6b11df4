"""From a composition to the tensors that the transformer gets, for sampling and training."""
