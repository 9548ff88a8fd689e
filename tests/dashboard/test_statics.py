"""Static files: packed once, tagged, kept for good under the digest of all; and the modules of a page."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from dashboard.statics import FOR_GOOD, StaticFiles, modules_of
from model.errors import NotThere
from tests.dashboard.conftest import Site

FOLDER = Path(__file__).resolve().parents[2] / "dashboard/static"


def test_a_file_is_packed_where_that_is_taken_and_tagged_alike(site: Site) -> None:
    plain = site.get("/static/dashboard.css", headers={"Accept-Encoding": "identity"})
    packed = site.get("/static/dashboard.css", headers={"Accept-Encoding": "gzip"})
    assert plain.data == (FOLDER / "dashboard.css").read_bytes()
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert plain.headers["ETag"] == packed.headers["ETag"]
    assert plain.headers["Cache-Control"] == "no-cache"
    again = site.get("/static/dashboard.css", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_what_is_too_small_to_shrink_goes_as_it_is(site: Site) -> None:
    answer = site.get("/static/mark.svg", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert answer.mimetype == "image/svg+xml"


def test_a_page_names_its_files_by_the_digest_of_all_and_they_are_kept_for_good(site: Site) -> None:
    text = site.get("/login").get_data(as_text=True)
    names = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(names) > 5
    for name in names:
        answer = site.get(name)
        assert answer.status_code == 200, name
        assert answer.headers["Cache-Control"] == FOR_GOOD


def test_a_file_of_another_installation_is_not_kept(site: Site) -> None:
    answer = site.get("/static/v-000000000000/theme.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "../app.py", "..%2fapp.py", "js", ""])
def test_nothing_else_is_served(site: Site, name: str) -> None:
    assert site.get(f"/static/{name}").status_code == 404


def test_modules_are_followed_through_their_imports() -> None:
    texts = {
        "js/a.js": "import { b } from './lib/b.js';\nimport {\n  c,\n} from './c.js';\nawait import('./late.js');\n",
        "js/lib/b.js": "export { d } from '../d.js';\nimport '../c.js';\n",
        "js/c.js": "import { a } from './a.js';\n",
        "js/d.js": "",
        "js/late.js": "",
    }
    assert modules_of("js/a.js", texts) == ("js/a.js", "js/lib/b.js", "js/c.js", "js/d.js")
    assert modules_of("js/none.js", texts) == ()


def test_every_page_preloads_what_it_imports_and_korean_only_its_readers() -> None:
    files = StaticFiles(FOLDER)
    overview = files.modules("js/overview.js")
    assert {"js/overview/table.js", "js/lib/words.js", "js/lib/stream.js"} <= set(overview)
    assert not any("/ko/" in name for name in overview)
    with pytest.raises(NotThere):
        files.file("js/none.js")
