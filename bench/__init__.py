"""Measurements of Desklore, each beside a floor taken in the same run; `make bench` prints them and keeps them in history.jsonl."""
