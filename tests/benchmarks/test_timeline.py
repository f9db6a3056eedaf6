"""How the timeline's benchmark reads a trace: tasks between animation frames, on the right thread, nothing counted twice."""

from __future__ import annotations

from typing import Any

from benchmarks.timeline import Measured, outermost, quantile, work_per_frame

MAIN, OTHER = (1, 1), (1, 2)


def event(name: str, ts: float, dur: float, thread: tuple[int, int] = MAIN, **more: Any) -> dict[str, Any]:
    return {"name": name, "ph": "X", "ts": ts, "dur": dur, "pid": thread[0], "tid": thread[1], **more}


def test_work_is_the_sum_of_outer_tasks_from_frame_to_frame() -> None:
    events: list[dict[str, Any]] = []
    for frame in range(4):
        at = 100_000 + frame * 16_000
        events += [
            event("RunTask", at - 1000, 5000, tdur=2000),
            event("RunTask", at - 500, 3000),  # inside the one before
            event("FireAnimationFrame", at, 1000),
            event("FireAnimationFrame", at + 3500, 0),  # a second callback of the same frame
            event("Layout", at + 1000, 500),
            event("RunTask", at + 6000, 2000, tdur=1000),
            event("RunTask", at, 9000, OTHER),
        ]
    clock, processor, parts = work_per_frame(events)
    assert clock == [7.0, 7.0, 7.0] and processor == [3.0, 3.0, 3.0]
    assert parts["script"] == 1.0 and parts["layout"] == 0.5 and parts["paint"] == 0
    assert work_per_frame([]) == ([], [], {})
    # A frame's task that begins just before, or just after, a round moment is its own all the same.
    shaken = [{**e, "ts": e["ts"] + (1200 if 116_000 - 1000 <= e["ts"] < 132_000 - 1000 else 0)} for e in events]
    assert work_per_frame(shaken)[0] == [7.0, 7.0, 7.0]
    assert len(outermost(sorted(events, key=lambda e: e["ts"]))) == 8


def test_the_share_of_dropped_frames() -> None:
    row = Measured("pan", 99, 1, [1.0] * 99, [1.0] * 99, {})
    assert row.share == 0.01 and "dropped  1.00 %" in row.line()
    assert quantile([1.0, 2.0, 3.0], 50) == 2.0
