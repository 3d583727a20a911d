"""Fixtures that many tests share: a fake encoder, the bundled one, a home folder, and the real article."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from filelock import FileLock
from hashing import HashingEncoder as QuietHashingEncoder
from hypothesis import settings

from index import Encoder, Encoding, Index, load_encoder
from index.storage import health

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLES = REPOSITORY / "samples"
_ARTICLE = REPOSITORY.parent / "shared" / "article" / "article.txt"

# A shell tells what it runs in the background to ignore Ctrl-C, and what that starts would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("citechat", deadline=None)  # a machine that is busy with something else fails no test
settings.load_profile("citechat")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the nightly tests unless -m names them. A default `-m` would be lost with every other `-m`.

    The tests in `tests/faults` come first. They take up to a minute each; at the end, one process would run them alone.
    """
    items.sort(key=lambda item: "faults" not in item.path.parts)
    if "nightly" in config.option.markexpr:
        return
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    if nightly:
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]


class HashingEncoder(QuietHashingEncoder):
    """One that remembers what it was given to encode."""

    def __init__(self, name: str = "hashing") -> None:
        super().__init__(name)
        self.embedded: list[str] = []

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        self.embedded += texts
        return super().encode(texts)


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    return ("127.0.0.1", 0)


@pytest.fixture(autouse=True, scope="session")
def _patient_health_check() -> None:
    """On a busy machine another process may need longer than a user would wait."""
    health.TIME_LIMIT = 300.0


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
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """`shared_folder(name, fill)`: a folder that all processes of a test run share; the first one that asks fills it.

    Nobody may write to it afterwards.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def shared(name: str, fill: Callable[[Path], None]) -> Path:
        folder, filled = base / name, base / f"{name}.filled"
        with FileLock(base / f"{name}.lock"):
            if not filled.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                filled.touch()
        return folder

    return shared


@pytest.fixture(scope="session")
def models(shared_folder: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A folder with the exported real model: exporting it for every home would take ten seconds each."""

    def export(folder: Path) -> None:
        load_encoder(exports=folder).query("export")
        assert list(folder.iterdir())

    return shared_folder("models", export)


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
def samples_home(
    tmp_path_factory: pytest.TempPathFactory,
    models: Path,
    shared_folder: Callable[[str, Callable[[Path], None]], Path],
) -> Path:
    """A home with the samples indexed by the real model; read only."""
    from rag import load_settings, open_index

    def fill(folder: Path) -> None:
        home = _home_with(models, folder / "home")
        open_index(load_settings(home=home)).sync([SAMPLES / "briefing.md"])

    shared = shared_folder("samples", fill) / "home"
    # A copy for each process: what a search caches beside the index is its own.
    return shutil.copytree(shared, tmp_path_factory.mktemp("samples") / "home", symlinks=True)


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
