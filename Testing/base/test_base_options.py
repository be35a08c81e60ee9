from __future__ import annotations

import json

import pytest

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.options import Options


def test_the_default_models_are_not_for_research_only() -> None:
    options = Options()
    assert options.classifiers == ("lumbar-mr-degeneration",)
    assert options.localizer == "lumbar-mr-localizer"
    assert options.device == "auto"


@pytest.mark.parametrize("options", [Options(), Options("p", "l", ("a", "b"), "cuda:1", "/models é")])
def test_options_go_through_json_without_loss(options: Options) -> None:
    assert Options.from_dict(json.loads(json.dumps(options.to_dict()))) == options


def test_an_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="Unknown options: colour, speed"):
        Options.from_dict({"speed": 1, "colour": "red"})
