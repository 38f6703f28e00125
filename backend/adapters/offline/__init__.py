"""Models without a key and without a network: honest stand-ins, deterministic, never paid for."""
