"""Networks that metrics ask: one adapter a package, opened at first use, or said to be absent."""
