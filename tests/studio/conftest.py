"""Shared by the tests of the studio: small ones, that are put away after the test."""

from collections.abc import Callable, Iterator

import pytest

import styletools as st


@pytest.fixture
def open_studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., st.Studio]]:
    """open_studio(content, style, **options): a small studio; open_studio.also(studio): put this one away too."""
    opened: list[st.Studio] = []
    monkeypatch.setattr("styletools.studio.worker.FRAMES_PER_SECOND", 100)

    def make(content: object = "eilean_donan", style: object = "great_wave", **options: object) -> st.Studio:
        return also(st.Studio(content, style, **{"size": 32, "steps": 4, **options}))

    def also(studio: st.Studio) -> st.Studio:
        opened.append(studio)
        return studio

    make.also = also
    yield make
    for studio in opened:
        studio.pause()
        assert studio.wait(60)
        assert studio.loop.front_end_error is None
        studio.close()


@pytest.fixture
def rest() -> Callable[[st.Studio], object]:
    """rest(studio): wait until it has come to rest, and return its last frame."""

    def wait(studio: st.Studio) -> object:
        assert studio.wait(60), "the studio did not come to rest"
        return studio.loop.frame

    return wait
