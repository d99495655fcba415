"""What a page runs is what its site's build has made: everything else is refused by name."""

import hashlib
import os
import re
import shutil
import sys
from html.parser import HTMLParser

import pytest
from conftest import ROOT, serve_files

sys.path.insert(0, str(ROOT / "docs"))
import build_site
import page_policy

from course_utils.places import WEB

LIVE = "_static/live"
SAID = ".nts-live-status"
without_npm = pytest.mark.skipif(
    shutil.which("npm") is None, reason="npm, which fetches the runtime, is missing"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the live box alone on a page, protected as the site's pages are."""
    folder = tmp_path_factory.mktemp("policy")
    build_site.put_live(folder / LIVE, models=shutil.which("npm") is not None)
    shutil.copy(WEB / "pages" / "no_modules.js", folder / "_static")
    script = '<script defer src="_static/no_modules.js"></script>'
    head = '<!doctype html><head><meta charset="utf-8"><link rel="icon" href="data:,"></head>'
    (folder / "index.html").write_text(
        f"{head}<body>{build_site.LIVE_BOX}{script}", encoding="utf-8"
    )
    page_policy.protect(folder)
    return folder


def with_another(site, folder, file):
    """A copy of a site in which one file is another."""
    shutil.copytree(site, folder, copy_function=os.link)
    changed = folder / LIVE / file
    content = changed.read_bytes()
    changed.unlink()
    if file.endswith((".js", ".mjs")):
        content += b"\n// and more"
    elif file.endswith(".json"):
        content = content.replace(b'"chair"', b'"table"', 1)
    else:
        content = content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]
    changed.write_bytes(content)
    return folder


def status(page):
    """What the box says in the end. Playwright's own waiting needs eval, which the policy forbids."""
    page.locator(SAID).wait_for()
    for _ in range(400):
        text = page.locator(SAID).text_content()
        if re.search("damaged|Made in|cannot", text):
            return text
        page.wait_for_timeout(300)
    raise AssertionError(text)


@without_npm
def test_a_shape_is_made_under_the_policy(strict, address):
    strict.goto(address)
    strict.locator("[name=make]").click()
    assert status(strict).startswith("Made in")
    with strict.expect_download():
        strict.get_by_role("button", name="Save .glb").click()
    assert strict.console_errors == []


@without_npm
@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("models/shapes32/model.onnx", "model.onnx"),
        ("models/shapes32/model.json", "models/shapes32/model.json"),
        ("models/shapes32/opening.film", "opening.film"),
        ("models/reader/reader.json", "models/reader/reader.json"),
        ("runtime/ort-wasm-simd-threaded.wasm", "onnxruntime-web's program"),
        ("runtime/ort-wasm-simd-threaded.mjs", "onnxruntime-web's script"),
        ("runtime/ort.wasm.min.mjs", "onnxruntime-web's script"),
        ("worker.js", "worker.js"),
        ("sampling.js", "sampling.js"),
    ],
)
def test_another_file_is_one_line_and_no_shape(strict, site, tmp_path, file, named):
    with serve_files(with_another(site, tmp_path / "site", file)) as address:
        strict.goto(address)
        if "opening" not in file and "json" not in file:
            strict.locator("[name=make]").click()
        said = status(strict)
    assert "\n" not in said and f"{named} is damaged" in said and "SHA-256" in said
    live = "document.querySelector('[data-nts-live]')"
    assert strict.evaluate(f"{live}.querySelector('[name=obj]').disabled")
    assert strict.evaluate(f"({live}.live?.viewer.voxels ?? []).some((voxel) => voxel)") is False


@without_npm
def test_another_reader_reads_nothing(strict, site, tmp_path):
    """What the box opened with stays."""
    with serve_files(with_another(site, tmp_path / "site", "models/reader/reader.bin")) as address:
        strict.goto(address)
        strict.locator("[name=text]").fill("a red chair")
        strict.locator("[name=make]").click()
        said = status(strict)
    assert "\n" not in said and "reader.bin is damaged" in said and "SHA-256" in said
    assert strict.locator(".nts-live-answer").text_content() == ""


@pytest.mark.parametrize("file", ["page.js", "viewer.bundle.js", "reader.js"])
def test_another_module_of_the_page_does_not_run(strict, site, tmp_path, file):
    """The browser compares them, and a script that is no module says why the box is empty."""
    with serve_files(with_another(site, tmp_path / "site", file)) as address:
        strict.goto(address)
        said = strict.locator("[data-nts-live]").text_content()
    assert "damaged" in said and "Reload the page" in said and "\n" not in said
    assert any("integrity" in error for error in strict.console_errors)


@without_npm
def test_the_page_knows_all_files_of_its_runtime(site):
    """WebGPU's too, which no test here can run. After an update of onnxruntime-web: sha256sum."""
    source = (site / LIVE / "page.js").read_text(encoding="utf-8")
    known = set(re.findall(r'(?:script|mjs|wasm): "([0-9a-f]{64})"', source))
    files = [site / LIVE / "runtime" / name for name in build_site.RUNTIME_FILES]
    assert known == {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_sha256_without_https_is_sha256(strict, site, address):
    """Browsers offer theirs to https and localhost only. The lengths are around a block's end."""
    strict.goto(address)
    differ = strict.evaluate("""async () => {
        const { digest, digestWithoutHttps } = await import("./_static/live/checked.js");
        const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
        const differ = [];
        for (const length of [0, 3, 55, 56, 63, 64, 65, 119, 120, 100000]) {
            const data = Uint8Array.from({ length }, (_, i) => (i * 131 + length) % 251);
            if (hex(digestWithoutHttps(data)) !== (await digest(data))) differ.push(length);
        }
        return differ;
    }""")
    assert differ == []


class Metas(HTMLParser):
    """The order of a page's first tags."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def test_a_policy_names_the_scripts_inside_and_stands_before_them(tmp_path):
    page = (
        '<!doctype html><html><head><meta charset="utf-8"><script>let a = "</b>";</script>'
        '<script type="application/json">{"no": "script"}</script></head>'
        '<body><button onclick="go(&quot;x&quot;)">Go</button><script src="b.js"></script>'
    )
    tags = Metas(page_policy.protected(page, tmp_path)).tags
    names = [tag for tag, _ in tags]
    assert names[:4] == ["html", "head", "meta", "meta"]
    policy = tags[3][1]["content"]
    script, handler = b'let a = "</b>";', b'go("x")'
    expected = [
        "'self'",
        "'wasm-unsafe-eval'",
        f"'{page_policy.integrity(script)}'",
        "'unsafe-hashes'",
        f"'{page_policy.integrity(handler)}'",
    ]
    (scripts,) = (part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts.split()[1:] == expected
    assert page_policy.integrity(b"") == "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_a_page_that_has_no_place_for_a_policy_is_refused(tmp_path):
    with pytest.raises(ValueError, match="charset"):
        page_policy.protected("<p>bare", tmp_path)
