"""The made-up company's support history: same seed, same data, byte for byte."""
