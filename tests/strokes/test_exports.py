"""What leaves: tables, XML, datasets, bundles. No names of people, the same bytes for the same data."""

import csv
import hashlib
import io
import json
import subprocess
import uuid
import zipfile
from pathlib import Path

import pytest

from mlcore import formats
from strokes import datasets, decisions, exports, labels, records, splits, taxonomy
from strokes.errors import Refused
from strokes.models import Split, Video
from tests.strokes.conftest import FLIP, PUSH, op

TWELVE = [(20 * n, 20 * n + 10, (FLIP, PUSH)[n % 2]) for n in range(12)]


def dataset(root: Path) -> tuple[Path, formats.Dataset]:
    path = exports.dataset(taxonomy=taxonomy.default(), root=root / "datasets")
    return path, formats.Dataset.read(path)


def test_csv_has_a_row_a_stroke_with_seconds_from_the_frame_table(video, label, data_root):
    made = video(players=["p1"], title="=HYPERLINK(1)", n_frames=4, fps=10.0)
    label(made, (1, 3, FLIP))
    (row,) = csv.DictReader(io.StringIO(exports.csv([made])))
    assert (row["begin_s"], row["end_s"], row["n_frames"]) == ("0.100000", "0.300000", "4")
    assert row["title"] == "'=HYPERLINK(1)" and row["move"] == FLIP and row["source"] == "blind"
    table = formats.FrameTable("x", 0, "h264", 4, 4, 0, (1, 1000), [100, 150, 300, 700], [0])
    table.write(data_root / "media" / str(made.pk) / "frames.json")
    (row,) = csv.DictReader(io.StringIO(exports.csv([made])))
    assert (row["begin_s"], row["end_s"]) == ("0.050000", "0.600000")


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", " =1", "\t=1", "\n=1"])
def test_no_cell_is_a_formula(cell):
    assert labels.safe(cell) == "'" + cell
    assert labels.safe("1=1") == "1=1" and labels.safe(-1) == -1 and labels.safe("") == ""


def test_xml_of_a_video_in_each_dialect(video, label):
    made = video()
    label(made, (10, 20, FLIP), (30, 40, "Negative"), (50, 60, "Serve Forehand"))
    assert exports.mediaeval2020(made).count(b"<action") == 3
    assert b'move="Serve Forehand"' in exports.mediaeval2020(made)
    assert b'move="Unknown"' in exports.mediaeval2020(made, whole_names=True)
    detection = exports.mediaeval2022(made, "detection")
    assert detection.count(b"<action") == 2 and b"move" not in detection and b'end="20"' in detection
    clips = exports.mediaeval2022(made, "classification")
    assert f'name="{made.pk}_0000010_0000020.mp4" class="{FLIP}"'.encode() in clips and b'class="UNKNOWN"' in clips
    with pytest.raises(Refused, match="unknown_export"):
        exports.mediaeval2022(made, "poetry")


def test_one_video_is_cut_in_time_between_strokes(video, label, data_root):
    made = video(players=["p1"])
    label(made, *TWELVE, (235, 250, ""), complete=True)
    path, file = dataset(data_root)
    assert file.protocol == "time-blocks"
    (one,) = file.videos
    train, validation = one.parts
    assert (train.part, train.begin, validation.part, validation.end) == ("train", 0, "validation", 1000)
    assert train.end == validation.begin
    assert not any(s.begin < train.end < s.end for s in one.strokes)
    assert sum(s.end <= train.end for s in one.strokes) in (9, 10)
    assert one.complete and one.players == ["p1"] and one.group == "player p1"
    assert (path.parent / one.prepared).resolve() == (data_root / "media" / str(made.pk) / "prepared" / "key").resolve()
    assert not Path(one.prepared).is_absolute()
    assert not Split.objects.get().frozen


def test_a_few_videos_leave_one_out_and_a_blind_one_stays_test(video, label, data_root):
    for n in range(2):
        label(video(players=[f"p{n}"]), *TWELVE[:4])
    label(video(players=["p9"], blind=True), *TWELVE[:4])
    _, file = dataset(data_root)
    assert file.protocol == "leave-one-video-out"
    assert [[part.part for part in one.parts] for one in file.videos] == [["train"], ["train"], ["test"]]


def test_enough_groups_make_a_frozen_hold_out(video, label, data_root):
    for n in range(8):
        label(video(players=[f"p{n}"]), *TWELVE)
    path, file = dataset(data_root)
    assert file.protocol == "hold-out" and Split.objects.get().frozen
    assert {part.part for one in file.videos for part in one.parts} == {"train", "validation", "test"}
    assert path.parent.name == datasets.fingerprint(file)
    assert exports.dataset(taxonomy=taxonomy.default(), root=data_root / "datasets") == path


def test_a_changed_label_is_another_dataset(video, label, data_root):
    made = video()
    label(made, *TWELVE)
    first, _ = dataset(data_root)
    label(made, (900, 910, FLIP))
    second, _ = dataset(data_root)
    assert first != second and first.exists()


def test_partial_labels_are_strokes_of_no_class_and_rejections_are_hard_negatives(
    alice, video, label, suggest, data_root
):
    made = video()
    one, two = suggest(made, (500, 510, FLIP), (600, 610, FLIP))
    lane = label(made, (0, 10, FLIP), (20, 30, "Serve Forehand"), (40, 50, ""))
    ops = [op("reject", suggestion=one.pk), op("accept", uuid.uuid4(), two.pk)]
    decisions.apply(lane=lane, expert=alice, ops=ops, base=lane.version)
    _, file = dataset(data_root)
    found = [(s.begin, s.move, s.weight, s.source) for s in file.videos[0].strokes]
    assert found == [
        (0, FLIP, 1.0, "blind"), (20, "", 1.0, "blind"), (40, "", 1.0, "blind"), (600, FLIP, 0.5, "accepted"),
    ]  # fmt: skip
    assert [(s.begin, s.move) for s in file.videos[0].rejected] == [(500, "Negative")]


def test_videos_that_cannot_be_learnt_from_are_left_out(video, label, data_root):
    label(video(state=Video.State.WATCHABLE, prepared_key=""), *TWELVE)
    label(video(), (0, 10, "Serve Forehand"))
    with pytest.raises(Refused, match="no_labelled_videos"):
        dataset(data_root)
    made = video()
    label(made, (0, 10, FLIP))
    assert [one.id for one in dataset(data_root)[1].videos] == [str(made.pk)]


@pytest.fixture
def labelled(video, label):
    for n in range(8):
        made = video(players=[f"p{n}"], title=f"/home/alice/film {n}.mp4" if n == 0 else f"film {n}")
        label(made, *TWELVE, (300, 310, "Serve Forehand"))


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_bundle_holds_all_and_its_sums_are_right(labelled, tmp_path, data_root):
    path = exports.bundle(taxonomy.default())
    files = contents(path)
    split = splits.current(taxonomy.default())
    assert split.frozen
    wanted = {f"{member.part}/{member.video_id}.xml" for member in split.members.all()}
    assert set(files) == wanted | {"dataset.json", "strokes.csv", "taxonomy.json", "README.txt", "SHA256SUMS"}
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    assert len(files["SHA256SUMS"].splitlines()) == len(files) - 1
    assert formats.Taxonomy.read(tmp_path / "out" / "taxonomy.json").name == "TTStroke-21"
    assert len(formats.Dataset.read(tmp_path / "out" / "dataset.json").videos) == 8
    readme = files["README.txt"].decode()
    assert "inclusive" in readme and "exclusive" in readme and "No leak was found." in readme
    assert b'Serve Forehand"' not in b"".join(data for name, data in files.items() if name.endswith(".xml"))


def test_the_same_data_give_the_same_bytes(labelled, data_root):
    first = exports.bundle(taxonomy.default())
    before = first.read_bytes()
    first.unlink()
    assert exports.bundle(taxonomy.default()) == first
    assert first.read_bytes() == before
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_no_name_of_a_user_and_no_path_of_ours_leaves(labelled, data_root, alice):
    files = contents(exports.bundle(taxonomy.default()))
    everything = b"\n".join(data for name, data in files.items() if name != "strokes.csv")
    assert b"alice" not in everything and str(data_root).encode() not in everything
    row = next(csv.DictReader(io.StringIO(files["strokes.csv"].decode())))
    assert row["lane"] == f"expert {alice.pk}"


def test_a_bundle_can_carry_what_a_host_without_our_disk_needs(labelled, data_root, tmp_path):
    made = Video.objects.first()
    folder = data_root / "media" / str(made.pk) / "prepared" / "key"
    folder.mkdir(parents=True)
    (folder / "rgb.b2nd").write_bytes(b"\x00" * 5000)
    path = exports.bundle(taxonomy.default(), with_prepared=True)
    files = contents(path)
    assert files[f"prepared/{made.pk}/key/rgb.b2nd"] == b"\x00" * 5000
    listed = json.loads(files["dataset.json"])["videos"]
    assert f"prepared/{made.pk}/key" in [one["prepared"] for one in listed]
    assert hashlib.sha256(b"\x00" * 5000).hexdigest().encode() in files["SHA256SUMS"]


def test_labels_leave_before_anything_is_prepared(video, label, data_root):
    label(video(prepared_key="", state=Video.State.WATCHABLE), *TWELVE)
    files = contents(exports.bundle(taxonomy.default()))
    assert "dataset.json" not in files and "strokes.csv" in files
    assert records.truth(Video.objects.get())[0]


def test_nothing_to_export_is_said(db, data_root):
    with pytest.raises(Refused, match="no_labelled_videos"):
        exports.bundle(taxonomy.default())
