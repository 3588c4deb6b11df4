"""How and where a model runs: seeds, memory. Knows tensors and devices, not elements."""
