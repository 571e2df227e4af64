"""A real browser for the pages: Chromium, driven over the pipe of its DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
"""The program, if there is one."""

PATIENCE = 60.0
"""Seconds that the browser has for an answer."""


CONTRASTS = """(() => {
  const parts = (colour) => { const n = colour.match(/[\\d.]+/g).map(Number); return n.length === 3 ? [...n, 1] : n; };
  const srgb = (colour) => {
    if (!colour.startsWith("color(srgb")) return parts(colour);
    const [r, g, b, a = 1] = colour.slice(10).match(/[\\d.]+/g).map(Number);
    return [255 * r, 255 * g, 255 * b, a];
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(srgb(getComputedStyle(at).backgroundColor));
    const over = (under, [r, g, b, a]) => [r, g, b].map((v, n) => a * v + (1 - a) * under[n]);
    return layers.reverse().reduce(over, [255, 255, 255]);
  };
  const hex = (rgb) => "#" + rgb.slice(0, 3).map((v) => Math.round(v).toString(16).padStart(2, "0")).join("");
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (element.matches("script, option")) continue;
    seen.add([hex(srgb(getComputedStyle(element).color)), hex(ground(element)), element.tagName].join(" "));
  }
  for (const mark of document.querySelectorAll(".mark")) {
    seen.add([hex(srgb(getComputedStyle(mark).backgroundColor)), hex(ground(mark.parentElement)), "mark"].join(" "));
  }
  return [...seen];
})()"""
"""The colours of all texts and marks that are seen, with that behind them."""


class Browser:
    """A browser without a window, with one page open."""

    def __init__(self, profile: Path) -> None:
        assert BROWSER is not None
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        self._buffer, self._number = b"", 0
        self.requests: list[str] = []
        """Addresses that pages have asked for."""
        self.complaints: list[str] = []
        """Errors of scripts, and what the console had to say."""
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--disable-background-networking", f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        # The browser reads commands from descriptor 3 and answers on 4.
        script = f'exec "$@" 3<&{commands} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "browser", BROWSER, *options],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        os.close(self._commands)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._answers)

    def open(self, address: str) -> None:
        """Open a page and wait until it is there, with everything that it loads."""
        self.requests.clear()
        self.complaints.clear()
        self.send("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """Give the value of an expression, as plain data; a promise is waited for."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.05)

    def colours(self) -> list[list[str]]:
        """List the colours of all texts and marks that are seen, with that behind them, and of what they are."""
        return [it.split() for it in self.run(CONTRASTS)]

    def resize(self, width: int, height: int = 900) -> None:
        """Set the width and height of the page in pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def theme(self, name: str) -> None:
        """Say what the system asks for: `light` or `dark`."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def media(self, kind: str) -> None:
        """Show the page as on `screen`, or as in `print`."""
        self.send("Emulation.setEmulatedMedia", media="" if kind == "screen" else kind, features=[])

    def screenshot(self, path: Path) -> None:
        """Keep the whole page as a PNG."""
        made = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(made["data"]))

    def print(self, path: Path) -> None:
        """Print to PDF as the dialogue of the browser does when nothing in it is changed: A4, without backgrounds."""
        made = self.send("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
        path.write_bytes(base64.b64decode(made["data"]))

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to the page, and give its answer."""
        return self._call(method, self._session, **parameters)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self._note(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser has ended"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(line))

    def _note(self, event: dict[str, Any]) -> None:
        about = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(about["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(about["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if about["type"] in ("error", "warning"):
                self.complaints.append(str(about["args"]))
            case "Log.entryAdded":
                self.complaints.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")
