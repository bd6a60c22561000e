"""A server on the sentences whose answer S prints."""

import pytest

from tests.sentencing.test_sentencing import papers_table


@pytest.fixture(scope="session")
def served(started, tmp_path_factory):
    """Address and log of a server on S's sentences."""
    folder = tmp_path_factory.mktemp("served")
    papers_table().to_csv(folder / "sentences.csv", index=False)
    return started(folder, "--records", str(folder / "sentences.csv"))
