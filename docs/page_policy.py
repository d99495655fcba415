"""What a built page may load and run: `protect` writes it into every page of a folder.

A Content-Security-Policy, in the page itself because static hosts let nobody set headers. It allows
scripts beside the page, and of those inside it only the ones that the build has written, by their
SHA-256. And the SHA-256 of everything that makes a live box or picture: the browser compares the
modules' (`integrity`), docs/web/live/checked.js the models' and the worker's. Other scripts have no
`integrity`: with it a browser refuses them to a page that was opened as a file.
"""

import base64
import hashlib
import html
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

POLICY = (
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",  # and the hashes
    "style-src 'self' 'unsafe-inline'",  # plotly, MathJax and three.js write styles
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
)
MODULE = re.compile(r'<script type="module" src="([^"]+)"')
CHARSET = re.compile(r"<meta charset=[^>]*>")  # within the first 1024 bytes, so before the policy
BOX = "<div data-nts-live"
DATA = ("application/json", "text/plain")  # scripts that are not run


def protect(folder: Path) -> None:
    """Protect every page of a folder."""
    for page in sorted(folder.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        page.write_text(protected(text, page.parent), encoding="utf-8")


def protected(text: str, folder: Path) -> str:
    """Return a page with its policy and its checksums.

    Args:
        text: HTML that begins with its <meta charset>.
        folder: What the page's addresses are relative to.
    """
    imports = ""
    for source in dict.fromkeys(MODULE.findall(text)):
        live = (folder / source).parent
        modules = {file: integrity(file.read_bytes()) for file in sorted(live.glob("*.js"))}
        here = {f"./{os.path.relpath(file, folder)}": value for file, value in modules.items()}
        imports = f'<script type="importmap">{json.dumps({"integrity": here})}</script>'
        whole = f'{MODULE.search(text)[0]} integrity="{modules[folder / source]}"'
        text = MODULE.sub(lambda found, whole=whole: whole, text)
        text = text.replace(BOX, f'{BOX} data-nts-sums="{html.escape(json.dumps(sums(live)))}"')
    charset = CHARSET.search(text)
    if not charset:
        raise ValueError("a page without <meta charset> has no place for its policy")
    content = "; ".join(policy_of(imports + text))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{content}">'
    return f"{text[: charset.end()]}\n{meta}{imports}{text[charset.end() :]}"


def sums(live: Path) -> dict[str, str]:
    """Return the SHA-256 of what the live box loads besides itself and onnxruntime-web."""
    files = [*live.glob("*.js"), *live.glob("models/*/*.json"), *live.glob("models/*/*.film")]
    return {
        file.relative_to(live).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files)
    }


def policy_of(text: str) -> list[str]:
    """Return the directives of a page, with the hashes of the scripts that stand in it."""
    found = Inside(text)
    hashes = [f"'{integrity(script.encode())}'" for script in dict.fromkeys(found.scripts)]
    if found.handlers:
        handlers = [f"'{integrity(code.encode())}'" for code in dict.fromkeys(found.handlers)]
        hashes += ["'unsafe-hashes'", *handlers]
    return [" ".join([part, *hashes]) if part.startswith("script-src") else part for part in POLICY]


def integrity(content: bytes) -> str:
    """Return a SHA-256 as browsers want it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"


class Inside(HTMLParser):
    """The scripts that stand in a page, and the code of its `onclick` and the like."""

    def __init__(self, text: str):
        super().__init__()
        self.scripts, self.handlers, self._open = [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.handlers += [value for name, value in attributes if name.startswith("on") and value]
        self._open = tag == "script" and "src" not in found and found.get("type") not in DATA
        if self._open:
            self.scripts.append("")

    def handle_data(self, data):
        if self._open:
            self.scripts[-1] += data

    def handle_endtag(self, tag):
        self._open = False
