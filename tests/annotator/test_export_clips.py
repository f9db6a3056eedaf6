"""Exported clips: decided in the domain, cut by the real step, read back from the pixels."""

import hashlib
import threading
import uuid

from django.core.management import call_command

from annotator import jobs
from mlcore import probe
from mlcore.formats import FrameTable
from mlcore.video import frames
from strokes import decisions, records, taxonomy, videos
from strokes import jobs as table
from tests.fixtures.numbered import numbered, read_number


def test_an_exported_clip_holds_exactly_the_frames_that_were_marked(alice, tmp_path, capsys):
    path = tmp_path / "new.mp4"
    numbered(path, "bframes", 80)
    video = videos.register(title="new", taxonomy=taxonomy.default(), path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                            bytes=path.stat().st_size, user=alice, players=[])  # fmt: skip
    job = table.claim(slot="probe", owner="here:1:1")
    assert job is not None and jobs.run(job, stop=threading.Event()) == "done"
    lane = records.lane(video=video, expert=alice)
    marks = [(10, 31, "Serve Forehand Topspin"), (40, 80, "Offensive Backhand Flip"), (32, 36, "Serve Forehand")]
    ops = [{"id": str(uuid.uuid4()), "kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": b, "end": e, "move": m}}
           for b, e, m in marks]  # fmt: skip
    decisions.apply(lane=lane, expert=alice, ops=ops, base=0)
    call_command("export_clips", str(tmp_path / "out"))
    assert "2 clips" in capsys.readouterr().out, "a partial label is no class to cut for"
    found = {}
    for clip in (tmp_path / "out").rglob("*.mp4"):
        (tmp_path / "t").mkdir(exist_ok=True)
        probe.main([str(clip), "--out", str(tmp_path / "t"), "--sha256", "0" * 64])
        read = [read_number(picture) for _, picture in frames(clip, FrameTable.read(tmp_path / "t" / "frames.json"))]
        found[clip.parent.name] = read
    assert found == {move: list(range(begin, end)) for begin, end, move in marks[:2]}
