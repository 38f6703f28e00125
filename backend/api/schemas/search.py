"""JSON of a search: the question with its ranking, and the page of hits with their reasons."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from backend.api.schemas.base import In, Out
from backend.api.schemas.copilot import DEGRADED, FiltersIn, HitOut
from backend.core.errors import Code

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class RankingIn(In):
    """How to rank this time, for measuring and explaining; what is left out is as the installation is set."""

    dense_weight: float | None = Field(None, ge=0, le=100, description="0: meaning takes no part.")
    sparse_weight: float | None = Field(None, ge=0, le=100, description="0: words take no part.")
    feedback: bool = Field(True, description="Whether thumbs move hits.")
    half_life_days: float | None = Field(None, ge=0, le=36_500, description="0: age takes nothing.")
    rerank: bool = Field(True, description="Whether a model judges the best hits, where the installation has one do that.")


class SearchIn(In):
    """What to look for."""

    query: str = Field(min_length=1, examples=["비밀번호 재설정 메일이 오지 않아요"])
    filters: FiltersIn = FiltersIn()
    top_k: int = Field(10, ge=1, le=100)
    offset: int = Field(0, ge=0, le=500)
    ranking: RankingIn = RankingIn()


class SearchOut(Out):
    """A page of documents, best first."""

    hits: list[HitOut]
    answerable: bool = Field(description="False: nothing found is about the question.")
    support: float = Field(description="How firmly the best document's words speak for an answer.")
    cosine: float | None = Field(description="The nearest meaning, where vectors take part.")
    degraded: Code | None = Field(None, description=DEGRADED)
    took_ms: float


class WeightsIn(In):
    """What meaning and words count for in the fusion."""

    dense: float = Field(ge=0, le=100, description="0: meaning takes no part.")
    sparse: float = Field(ge=0, le=100, description="0: words take no part.")

    @model_validator(mode="after")
    def _something_weighs(self) -> Self:
        if self.dense == self.sparse == 0:
            raise ValueError("Both weights are 0, so nothing could be found; give one of them a weight")
        return self


class WeightsOut(Out):
    """What meaning and words count for in the fusion."""

    dense: float
    sparse: float


class CalibrationIn(In):
    """Thresholds and weights, and what the thresholds did with the questions they were found with."""

    min_support: float = Field(ge=0, le=100)
    min_cosine: float | None = Field(None, ge=-1, le=2)
    kept: float = Field(ge=0, le=1, description="Share of the answerable questions that are answered.")
    refused: float = Field(ge=0, le=1, description="Share of the other questions that are refused.")
    questions: int = Field(ge=1)
    weights: dict[LanguageCode, WeightsIn] = Field(
        {}, max_length=20, description="By the question's language; for others the installation's weights hold.", examples=[{}]
    )


class CalibrationOut(Out):
    """The thresholds and weights in force."""

    made_by: str
    min_support: float
    min_cosine: float | None
    kept: float
    refused: float
    questions: int
    weights: dict[str, WeightsOut]
    at: datetime
