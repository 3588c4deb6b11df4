"""The diffusers pipeline: loading, guidance, sampling, streaming decode."""
