"""The HTTP edge: translates requests into use cases and results into JSON, and decides nothing else."""
