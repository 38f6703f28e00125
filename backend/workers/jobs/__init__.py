"""One module per noun; each job is one function of (services, job)."""
