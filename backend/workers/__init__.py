"""Runs jobs: takes them from the queue, hands them to use cases, and turns an error into done, later or failed."""
