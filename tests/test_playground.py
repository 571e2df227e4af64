"""The playground: its answers, what it refuses, and the page in a real browser."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from browser import Browser
from colours import contrast
from conftest import Run, refusal
from eurotok import Tokenizer
from eurotok.playground import MOST_BYTES, MOST_SHOWN, Playground, QuestionError
from eurotok.playground.server import Server
from eurotok.pricing import stored
from eurotok.pricing.adapters import encoder_of
from eurotok.pricing.parallel_text import OFFICIAL

HOSTILE = "</script><b>&\"'"


@contextmanager
def served(playground: Playground) -> Iterator[Server]:
    with Server(playground, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def made(tok: Tokenizer, language: Any = None) -> Playground:
    def fails(text: str) -> int:
        raise RuntimeError(f"no <{text[:3]}>")

    encoders = {"ours": encoder_of(tok), HOSTILE: encoder_of(len), "fails": encoder_of(fails)}
    return Playground(encoders, {"o200k_base": stored.encoder()}, language)


@pytest.fixture(scope="module")
def server(tok: Tokenizer) -> Iterator[Server]:
    with served(made(tok)) as server:
        yield server


def asked(
    server: Server, method: str, path: str, body: bytes | None = None, **headers: str | None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    sent = {"Host": f"127.0.0.1:{server.server_port}"}
    if body is not None:
        sent |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    for name, value in headers.items():
        sent[name.replace("_", "-")] = value  # type: ignore[assignment]
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, each in sent.items():
        if each is not None:
            connection.putheader(name, each)
    connection.endheaders(body)
    response = connection.getresponse()
    try:
        return response.status, response.read(), response.headers
    finally:
        connection.close()


def question(**values: Any) -> bytes:
    return json.dumps(values).encode()


GOOD = question(text="été", tokenizers=[0, 1])


def test_answers(server: Server, tok: Tokenizer) -> None:
    status, content, _ = asked(server, "POST", "/tokens", GOOD)
    ids = tok.encode("été").tolist()
    assert status == 200
    ours, characters = json.loads(content)["results"]
    assert (ours["count"], ours["ids"]) == (len(ids), ids)
    assert sum(it if isinstance(it, int) else it[0] for it in ours["cuts"]) == 3
    assert characters == {"count": 3, "cuts": [], "ids": []}
    failed = json.loads(asked(server, "POST", "/tokens", question(text="abcd", tokenizers=[2]))[1])["results"]
    assert failed == [{"failed": "RuntimeError: no <abc>"}]
    status, content, _ = asked(server, "POST", "/sentence", question(sentence=3, tokenizers=[3, 0]))
    answer = json.loads(content)
    assert len(answer["sentences"]) == len(OFFICIAL)
    assert [len(it) for it in answer["results"]] == [len(OFFICIAL)] * 2
    assert answer["results"][1][4]["count"] == tok.count(answer["sentences"][4])
    long = json.loads(asked(server, "POST", "/tokens", question(text="a b " * MOST_SHOWN, tokenizers=[0]))[1])
    (result,) = long["results"]
    assert result["count"] > MOST_SHOWN == len(result["ids"])


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "headers"),
    [
        (200, "GET", "/", None, {}),
        (200, "HEAD", "/style.css", None, {}),
        (200, "POST", "/tokens", GOOD, {"Origin": "http://localhost:PORT", "Host": "LOCALHOST:PORT"}),
        (421, "GET", "/", None, {"Host": "evil.example"}),
        (421, "GET", "/", None, {"Host": "evil.example:PORT"}),
        (421, "GET", "/", None, {"Host": "127.0.0.1"}),
        (421, "GET", "/", None, {"Host": None}),
        (421, "POST", "/tokens", GOOD, {"Host": "127.0.0.1.evil.example:PORT"}),
        (403, "POST", "/tokens", GOOD, {"Origin": "http://evil.example"}),
        (403, "POST", "/tokens", GOOD, {"Origin": "null"}),
        (403, "POST", "/tokens", GOOD, {"Sec_Fetch_Site": "cross-site"}),
        (415, "POST", "/tokens", GOOD, {"Content_Type": "text/plain"}),
        (415, "POST", "/tokens", GOOD, {"Content_Type": None}),
        (411, "POST", "/tokens", GOOD, {"Content_Length": None}),
        (400, "POST", "/tokens", GOOD, {"Content_Length": "-1"}),
        (400, "POST", "/tokens", GOOD, {"Content_Length": "٣"}),
        (413, "POST", "/tokens", b" " * (MOST_BYTES + 1), {}),
        (413, "POST", "/tokens", GOOD, {"Content_Length": "99999999999999999999"}),
        (400, "POST", "/tokens", b"{", {}),
        (400, "POST", "/tokens", b"\xff", {}),
        (400, "POST", "/tokens", b"[" * 100_000, {}),
        (400, "POST", "/tokens", b"[]", {}),
        (400, "POST", "/tokens", b"{}", {}),
        (400, "POST", "/tokens", b'{"text": "\\ud800", "tokenizers": [0]}', {}),
        (400, "POST", "/tokens", question(text=1, tokenizers=[0]), {}),
        (400, "POST", "/tokens", question(text="a", tokenizers=[3]), {}),
        (400, "POST", "/tokens", question(text="a", tokenizers=[-1]), {}),
        (400, "POST", "/tokens", question(text="a", tokenizers=["euro-64k"]), {}),
        (400, "POST", "/tokens", question(text="a", tokenizers=[0] * 1000), {}),
        (400, "POST", "/sentence", question(sentence=72, tokenizers=[0]), {}),
        (404, "POST", "/", GOOD, {}),
        (404, "GET", "/../../../../etc/passwd", None, {}),
        (404, "GET", "//etc/passwd", None, {}),
        (404, "GET", "/page.js", None, {}),
        (501, "DELETE", "/", None, {}),
    ],
)
def test_what_is_answered(
    server: Server, status: int, method: str, path: str, body: bytes | None, headers: dict[str, str | None]
) -> None:
    here = str(server.server_port)
    sent = {name: value and value.replace("PORT", here) for name, value in headers.items()}
    if sent.get("Content_Length") == "99999999999999999999":
        body = b""  # the rest never comes: an answer must not wait for it
    if sent.get("Content_Length") == "٣":
        sent["Content_Length"] = "0x3"
    found, content, got = asked(server, method, path, body, **sent)
    assert found == status, content
    assert "default-src 'none'" in got["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in got["Content-Security-Policy"]
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not re.search(r"Python|\d", got["Server"])
    assert "Access-Control-Allow-Origin" not in got
    if status not in (200, 501):
        assert set(json.loads(content)) == {"error"}


def test_it_is_on_this_computer_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_names_end_no_script(server: Server) -> None:
    page = asked(server, "GET", "/")[1].decode()
    assert HOSTILE not in page
    assert page.count("</script>") == 2
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert json.loads(data)["tokenizers"] == ["ours", HOSTILE, "fails"]
    for path in ("/", "/style.css", "/script.js"):
        text = asked(server, "GET", path)[1].decode()
        assert not re.search(r"@import|url\(|//cdn|src=\"http", text)
        assert [it for it in re.findall(r"https?://[^\s\"<]+", text) if "OpenLLM-Europe/eurotok" not in it] == []


def test_the_language_that_a_browser_asks_for(server: Server, tok: Tokenizer) -> None:
    assert b'<html lang="fr">' in asked(server, "GET", "/", Accept_Language="fr-FR,en;q=0.5")[1]
    assert b'<html lang="en">' in asked(server, "GET", "/", Accept_Language="it, x;q=9999")[1]
    assert '<html lang="de">' in made(tok, "de").page("fr")


def test_questions_in_python(tok: Tokenizer) -> None:
    with pytest.raises(QuestionError, match="tokenizers: it must be a list of numbers below 3, each once"):
        made(tok).tokens({"text": "a", "tokenizers": [True]})


@pytest.mark.parametrize("width", [390, 1400])
def test_in_a_browser(browser: Browser, server: Server, tok: Tokenizer, width: int) -> None:
    browser.resize(width)
    browser.theme("light")
    browser.open(server.address)
    browser.wait("byId('results').children.length === 3 && byId('tokens').children.length === 24 * 3")
    text = "Ein <b>Bär</b>\nαβγ 😀"
    browser.run(f"byId('text').value = {json.dumps(text)}; byId('text').dispatchEvent(new Event('input'))")
    count = tok.count(text)
    browser.wait(f"byId('results').querySelector('.count').textContent === '{count} tokens'")
    shown = browser.run("[...document.querySelectorAll('#results .cuts span')].map((it) => it.firstChild.textContent)")
    assert "".join(shown).replace("⏎", "") == text
    ids = browser.run("[...document.querySelectorAll('#results .cuts span')].map((it) => it.title).join(' ')")
    assert [int(it) for it in ids.split()] == tok.encode(text).tolist()
    cards = browser.run("[...byId('results').children].map((it) => it.innerText)")
    assert HOSTILE in cards[1]
    assert "fails fails: RuntimeError: no <Ein>" in cards[2]
    browser.run("""for (const [id, value] of [["times", "2000000"], ["price", "3"]]) {
      byId(id).value = value; byId(id).dispatchEvent(new Event("input", { bubbles: true })); }""")
    assert f"€{6 * count:,}.00 a month" in browser.run("byId('results').innerText")
    browser.run("document.querySelector('#tokenizers input').click()")
    browser.wait("byId('results').children.length === 2")
    browser.run("byId('sentence').value = '5'; byId('sentence').dispatchEvent(new Event('change'))")
    english = stored.encoder().encode([made(tok).sample.sentences["en"][5]])[0]
    browser.wait(f"byId('tokens').querySelector('small').textContent === '{english}'")
    assert browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    for theme in ("light", "dark"):
        browser.theme(theme)
        assert not [it for it in browser.colours() if contrast(it[0], it[1]) < 4.5]
    assert browser.run("[...document.querySelectorAll('input, select, textarea')].every((it) => it.labels.length)")
    assert browser.complaints == []
    assert {it for it in browser.requests if not it.startswith((server.address, "data:"))} == set()


def test_a_browser_is_told_that_the_program_has_ended(browser: Browser, tok: Tokenizer) -> None:
    with served(made(tok, "fr")) as server:
        browser.open(server.address)
        browser.wait("byId('results').children.length === 3")
    browser.run("byId('text').value = 'x'; byId('text').dispatchEvent(new Event('input'))")
    browser.wait("!byId('trouble').hidden")
    assert "s’est arrêté" in browser.run("byId('trouble').textContent")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_the_command_ends(number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-m", "eurotok", "playground", "--no-browser", "--port", "0", "a=euro-64k", "b=euro-64k"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(re.findall(r"http://127\.0\.0\.1:(\d+)/", line)[0])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            assert b" 200 " in connection.recv(100)
        process.send_signal(number)
        _, complaints = process.communicate(timeout=30)
        assert process.returncode == code, complaints
        assert "Traceback" not in complaints


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refusal(run("playground", "--no-browser", "--port", port))
        assert (
            message == f"--port {port}: another program has port {port}; choose another one, or 0 for any that is free"
        )
    assert "expected a port" in refusal(run("playground", "--port", "65536"), code=2)
    assert "absent.json" in refusal(run("playground", "--no-browser", "absent.json"))
