import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="Gradio is not installed: pip install -e '.[app]'")

from deid.app import serving

pytestmark = pytest.mark.slow  # Gradio's import alone needs seconds


def answer(address: str, host: str = "") -> tuple[int, dict]:
    request = urllib.request.Request(address, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers)


@pytest.fixture
def called(monkeypatch) -> list:
    """Hosts that this process connects to, or asks the address of."""
    hosts, connect, look_up = [], socket.socket.connect, socket.getaddrinfo

    def connecting(self, address):
        hosts.append(address[0])
        return connect(self, address)

    def looking_up(host, *rest, **more):
        hosts.append(host)
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", connecting)
    monkeypatch.setattr(socket, "getaddrinfo", looking_up)
    return hosts


def test_a_server_is_for_this_machine_and_leaves_nothing(called):
    before = os.environ.get("GRADIO_TEMP_DIR")
    with serving.serve() as server:
        status, headers = answer(server.address)
        assert status == 200 and server.address.startswith("http://127.0.0.1:")
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        # A page elsewhere whose name leads to this machine (DNS rebinding) gets nothing.
        assert answer(server.address, "elsewhere.example")[0] == 400
        visit = server.visits.of("ann")
        visit.session.folder = server.folder / "session-1"
        (visit.session.folder).mkdir()
        (visit.session.folder / "walk.mp4").write_bytes(b"clip")
        word = visit.hand_out("after", b"jpeg", "after.jpg")
        assert answer(f"{server.address}fetch/{word}")[0] == 200
        assert answer(f"{server.address}fetch/{word}x")[0] == 404
        file = visit.hand_out("clip", visit.session.folder / "walk.mp4", "walk.mp4")
        assert answer(f"{server.address}fetch/{file}")[1]["content-type"] == "video/mp4"
        folder = Path(server.folder)
    assert called and set(called) <= {"127.0.0.1", "localhost", None}
    assert not folder.exists() and visit.session.closed
    assert os.environ.get("GRADIO_TEMP_DIR") == before
