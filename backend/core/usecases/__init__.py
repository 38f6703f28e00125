"""What Desklore does when somebody asks: one module a noun, the same name as its routes and its tests.

A use case takes `services` and `company_id`, opens short transactions of its own, and holds none while it waits for a
vendor, a model or a reader (docs/decisions/0002-use-cases-open-short-transactions.md).
"""
