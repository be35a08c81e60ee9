"""Memory of a worker while it is idle."""

from __future__ import annotations

import io
import threading

from SpinalDiseaseAILib.worker import server


def test_an_idle_worker_returns_memory_once_and_still_accepts_the_next_job(monkeypatch):
    given_back = []
    monkeypatch.setattr(server, "_IDLE", 0.01)
    monkeypatch.setattr(server, "give_back_freed_memory", lambda: given_back.append(True))
    idle = server._Server(lambda: None, io.BytesIO(), io.BytesIO())
    threading.Timer(0.3, idle._jobs.put, [{"type": "probe"}]).start()
    assert idle._next_job() == {"type": "probe"}
    assert given_back == [True]


def test_a_worker_with_work_keeps_its_memory(monkeypatch):
    given_back = []
    monkeypatch.setattr(server, "give_back_freed_memory", lambda: given_back.append(True))
    busy = server._Server(lambda: None, io.BytesIO(), io.BytesIO())
    busy._jobs.put({"type": "probe"})
    busy._jobs.put(None)
    assert busy._next_job() == {"type": "probe"}
    assert busy._next_job() is None
    assert not given_back
