"""Fixtures that many tests share: a fake encoder, the bundled one, a home folder, and the real article."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from hashing import HashingEncoder as QuietHashingEncoder

from index import Encoder, Encoding, Index, load_encoder

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLES = REPOSITORY / "samples"
_ARTICLE = REPOSITORY.parent / "shared" / "article" / "article.txt"

# A shell tells what it runs in the background to ignore Ctrl-C, and what that starts would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


class HashingEncoder(QuietHashingEncoder):
    """One that remembers what it was given to encode."""

    def __init__(self, name: str = "hashing") -> None:
        super().__init__(name)
        self.embedded: list[str] = []

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        self.embedded += texts
        return super().encode(texts)


@pytest.fixture
def hashing_encoder() -> HashingEncoder:
    return HashingEncoder()


@pytest.fixture
def index(tmp_path: Path, hashing_encoder: HashingEncoder) -> Index:
    """An empty index with the fake encoder."""
    return Index(tmp_path / "index", hashing_encoder)


@pytest.fixture(scope="session")
def reference_encoder() -> Encoder:
    """The real model in torch, loaded once for the whole run."""
    return load_encoder()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the real model as it was exported; to export it anew for every home takes ten seconds each."""
    folder = tmp_path_factory.mktemp("models")
    load_encoder(exports=folder).query("export")
    assert list(folder.iterdir())
    return folder


@pytest.fixture(scope="session")
def bundled_encoder(models: Path) -> Encoder:
    """The real model as everybody runs it, loaded once for the whole run."""
    return load_encoder(exports=models)


@pytest.fixture
def home(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the program's own, empty but for the model, with no setting of the developer's in force."""
    for name in list(os.environ):
        if name.startswith("CITECHAT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CITECHAT_HOME", str(tmp_path / "home"))
    return _home_with(models, tmp_path / "home")


@pytest.fixture(scope="session")
def samples_home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """A home with the samples indexed by the real model; read only."""
    from rag import load_settings, open_index

    home = _home_with(models, tmp_path_factory.mktemp("samples") / "home")
    open_index(load_settings(home=home)).sync([SAMPLES / "briefing.md"])
    return home


@pytest.fixture(scope="session")
def real_article() -> Path:
    """The article that the product was asked for; it is a publisher's and not part of the project."""
    path = Path(os.environ.get("CITECHAT_ARTICLE", _ARTICLE))
    if not path.is_file():
        pytest.skip(f"the real article is not at {path} (set CITECHAT_ARTICLE); it may not be committed")
    return path


def _home_with(models: Path, home: Path) -> Path:
    home.mkdir()
    (home / "models").symlink_to(models)
    return home
