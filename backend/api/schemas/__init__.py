"""The JSON of requests and responses, one module a noun; fields are read off the model's values by name."""
