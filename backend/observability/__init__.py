"""What an operator sees of a running Desklore: log lines and metrics. It knows nothing of the rest of the house."""
