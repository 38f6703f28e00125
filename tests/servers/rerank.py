"""A server of a cross-encoder over real HTTP on a free port, with the knobs of `OpenAIServer`.

What it finds relevant is how many words of the question a text has. `https://docs.cohere.com/reference/rerank`; with `texts_only`
as Text Embeddings Inference has it: `https://huggingface.github.io/text-embeddings-inference/`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from tests.support.made_up import Json
from tests.support.openai_server import Handler, OpenAIServer


@dataclass
class RerankServer(OpenAIServer):
    """Speaks `POST /v1/rerank`."""

    spoken: ClassVar[str] = "/v1/rerank"
    texts_only: bool = False
    """Takes `texts` and answers with a bare list."""
    tells: str = "usage"
    """Where it tells its tokens: `usage` as Jina, vLLM and Infinity do, `meta` as Cohere, empty: nowhere."""
    logits: bool = False
    """Scores are not brought to 0 to 1."""

    @property
    def handler(self) -> type[Handler]:
        """What speaks the API."""
        return _Rerank


class _Rerank(Handler):
    owner: RerankServer

    def _completion(self, body: Json) -> None:
        server = self.owner
        if server.texts_only and "texts" not in body:
            self._send(422, b"Failed to deserialize the JSON body: missing field `texts` at line 1", "text/plain")
            return
        texts = body["texts"] if server.texts_only else body["documents"]
        rows = [{"index": index, "relevance_score": self._score(body["query"], text)} for index, text in enumerate(texts)]
        rows.sort(key=lambda row: -row["relevance_score"])
        if server.texts_only:
            self._json(200, [{"index": row["index"], "score": row["relevance_score"]} for row in rows])
            return
        told: dict[str, Any] = {
            "usage": {"total_tokens": 77},
            "meta": {"tokens": {"input_tokens": 78}, "billed_units": {"search_units": 1}},
        }
        self._json(200, {"model": body["model"], "results": rows, **{key: told[key] for key in told if key == server.tells}})

    def _score(self, question: str, text: str) -> float:
        words = question.lower().split()
        share = sum(word in text.lower() for word in words) / len(words)
        return 8 * share - 4 if self.owner.logits else share
