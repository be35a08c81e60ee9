"""The packaged sample, opened and analysed once."""

from __future__ import annotations

import pytest

from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.pipelines.analyser import Analyser
from SpinalDiseaseAILib.reading import open_study


@pytest.fixture(scope="session")
def sample() -> Study:
    """The sample study: 21 sagittal T2-SPACE slices, 1 mm apart, of 640 rows and 512 columns."""
    return open_study([sample_folder()])


@pytest.fixture(scope="session")
def analyser() -> Analyser:
    """An analyser that keeps its models for all tests."""
    return Analyser()


@pytest.fixture(scope="session")
def cpu() -> Options:
    """The defaults, on the CPU."""
    return Options(device="cpu")


@pytest.fixture(scope="session")
def report(sample: Study, analyser: Analyser, cpu: Options) -> Report:
    """The report of the sample."""
    return analyser.analyse(sample, cpu)
