"""README's picture. ``UPDATE_PICTURES=1`` writes it; otherwise the test proves that it can be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Looker, until

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


@pytest.mark.parametrize(("name", "path"), [("overview", "/"), ("container", "/containers/shop-api-2")])
def test_picture(look: Looker, name: str, path: str) -> None:
    page = look.open(path)
    page.set_viewport_size({"width": 1280, "height": 860})
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    if name == "overview":
        until(
            page,
            "[...document.querySelectorAll('.finding canvas')].some(c => c.width > 100 &&"
            " c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v))",
        )
    picture = page.screenshot()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 40_000
    if os.environ.get("UPDATE_PICTURES"):
        IMAGES.mkdir(parents=True, exist_ok=True)
        (IMAGES / f"{name}.png").write_bytes(picture)
    assert (IMAGES / f"{name}.png").exists(), "make it with UPDATE_PICTURES=1"
