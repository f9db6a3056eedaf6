"""register_run, add_video, demo and start, as somebody at a shell meets them."""

import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotator.management.commands import add_video, register_run, start
from mlcore import formats
from strokes import registry, taxonomy, videos
from strokes.errors import Refused
from strokes.models import Job, Run, Video
from tests.annotator.running import ROOT, processes


# -- add_video --------------------------------------------------------------------------------------------------------
def test_a_file_is_copied_and_queued(db, data_root, tmp_path, capsys):
    file = tmp_path / "Match Ä.MP4"
    file.write_bytes(b"film")
    call_command(
        "add_video", str(file), "--player", "anna:left:near", "--player", "ben", "--title", "Final", skip_checks=True
    )
    video = Video.objects.get()
    assert (video.title, video.bytes, video.sha256) == ("Final", 4, hashlib.sha256(b"film").hexdigest())
    assert (videos.folder(video) / video.file).read_bytes() == b"film" and file.exists()
    seen = list(video.appearance_set.order_by("pk").values_list("player__pseudonym", "player__hand", "side"))
    assert seen == [("anna", "left", "near"), ("ben", "unknown", "unknown")]
    assert Job.objects.get().kind == Job.Kind.PROBE
    assert "“Final”" in capsys.readouterr().out
    assert [path.name for path in (data_root / "media").iterdir()] == [str(video.pk)]


def test_each_file_is_answered_for(db, data_root, tmp_path, capsys):
    one, two = tmp_path / "one.mp4", tmp_path / "two.mp4"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    with pytest.raises(SystemExit) as ended:
        call_command("add_video", str(one), str(two), str(tmp_path / "none.mp4"), skip_checks=True)
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "one.mp4 is here" in said.out
    assert "two.mp4: " in said.err and "none.mp4: No such file" in said.err
    assert Video.objects.count() == 1
    assert len(list((data_root / "media").iterdir())) == 1


@pytest.mark.parametrize("text", ["", ":left", "anna:both", "anna:left:ceiling"])
def test_a_player_must_be_understood(text):
    with pytest.raises(Refused, match="bad_player"):
        add_video.player(text)


def test_an_unknown_taxonomy_names_those_there_are(db, data_root, tmp_path):
    taxonomy.default()
    (tmp_path / "a.mp4").write_bytes(b"a")
    with pytest.raises(CommandError, match=taxonomy.default().name):
        call_command("add_video", str(tmp_path / "a.mp4"), "--taxonomy", "Tennis", skip_checks=True)


# -- register_run -----------------------------------------------------------------------------------------------------
@pytest.fixture
def trained(tmp_path, db, data_root):
    """A run folder as mlcore.train leaves it, made elsewhere."""

    def make(name="elsewhere", moves=None, **scores):
        folder = tmp_path / name
        (folder / "checkpoint").mkdir(parents=True)
        (folder / "weights.safetensors").write_bytes(b"weights")
        model = {"f1": scores.get("f1", 0.9), "f1_any": 0.95}
        unseen = {"strokes": 60, "model": model, "baseline": {"f1": 0.0, "f1_any": 0.6}, "champion": None}
        known = taxonomy.as_file(taxonomy.default())
        if moves:
            known = formats.Taxonomy(known.name, known.revision, moves)
        formats.Run(
            id="3f6c2a52-5e0e-4b3d-9c39-0d4b5f0a1b2c", taxonomy=known, network={}, normalisation={}, decision={},
            config={"preset": "published", "grid": {"rate": 30.0}}, metrics={"protocol": "hold-out", "unseen": unseen},
            flow={"method": "dis"}, dataset_sha256="d" * 64,
        ).write(folder / "run.json")  # fmt: skip
        return folder

    return make


def test_a_run_trained_elsewhere_is_judged_and_used(trained, video, capsys):
    one = video()
    call_command("register_run", str(trained()), skip_checks=True)
    run = Run.objects.get()
    assert (run.state, run.current, run.preset, run.dataset_sha256) == ("promoted", True, "published", "d" * 64)
    assert str(run.pk) == "3f6c2a52-5e0e-4b3d-9c39-0d4b5f0a1b2c"
    assert sorted(path.name for path in registry.folder(run).iterdir()) == ["run.json", "weights.safetensors"]
    assert Job.objects.get().video == one
    assert f"model {run.number}" in capsys.readouterr().out


def test_the_same_run_twice_is_refused(trained, capsys):
    folder = trained()
    call_command("register_run", str(folder), skip_checks=True)
    with pytest.raises(SystemExit):
        call_command("register_run", str(folder), skip_checks=True)
    assert Run.objects.count() == 1
    assert capsys.readouterr().err.strip()


def test_what_is_not_a_whole_run_is_refused(trained, tmp_path, capsys):
    folder = trained()
    file = formats.Run.read(folder / "run.json")
    file.config["weights_sha256"] = "0" * 64
    file.write(folder / "run.json")
    with pytest.raises(Refused, match="run_not_whole"):
        register_run.whole_run(folder)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(SystemExit):
        call_command("register_run", str(folder), skip_checks=True)
    (folder / "run.json").write_text("{}")
    (folder / "weights.safetensors").write_bytes(b"")
    with pytest.raises(SystemExit):
        call_command("register_run", str(folder), skip_checks=True)
    assert not Run.objects.exists()
    assert "topspin-run" in capsys.readouterr().err


def test_a_run_for_other_classes_is_refused(trained):
    folder = trained(moves=[formats.Move("Smash")])
    taxonomy.default()
    with pytest.raises(Refused, match="run_other_classes"):
        register_run.taxonomy_for(formats.Run.read(folder / "run.json"), None)


# -- start ------------------------------------------------------------------------------------------------------------
def test_accounts_are_made_once(db, data_root):
    start.accounts()
    path = data_root / "logins.txt"
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    logins = dict(line.split(": ") for line in first.splitlines() if not line.startswith("#"))
    admin, expert = User.objects.get(username="admin"), User.objects.get(username="expert")
    assert admin.check_password(logins["admin"]) and admin.is_superuser
    assert expert.check_password(logins["expert"]) and not expert.is_staff
    assert expert.groups.get().name == "experts"
    start.accounts()
    path.unlink()
    start.accounts()
    assert not path.exists() and User.objects.count() == 2


def test_a_taken_port_is_named_with_its_remedy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"PORT={port + 1}"):
            start.check_port("127.0.0.1", port)


def test_too_little_space_is_named_with_its_remedy(monkeypatch, data_root):
    monkeypatch.setattr(start, "NEEDED_BYTES", 2**60)
    with pytest.raises(CommandError, match="TOPSPIN_DATA"):
        start.check_disk()


@pytest.fixture
def started(tmp_path):
    """The command as `make run` calls it, on a free port and a data folder of its own, without demo."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOPSPIN_")}
    env = {**kept, "TOPSPIN_DATA": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "annotator.settings"}
    command = [sys.executable, "manage.py", "start", "--no-demo", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)  # fmt: skip
    yield process, port, tmp_path / "data"
    for pid, _ in processes(tmp_path / "data"):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def answers(port, within=60):
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=5) as page:
                return page.status
        except OSError:
            time.sleep(0.2)
    return None


@pytest.mark.slow
def test_site_and_worker_start_and_stop_together(started):
    process, port, data = started
    assert answers(port) == 200
    until = time.monotonic() + 30
    while time.monotonic() < until and len([line for _, line in processes(data) if "qcluster" in line]) < 2:
        time.sleep(0.2)
    lines = [line for _, line in processes(data)]
    assert [line for line in lines if "gunicorn" in line] and [line for line in lines if "manage.py worker" in line]
    os.kill(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert f"http://localhost:{port}" in said and "Stopped." in said
    assert not list(processes(data))


@pytest.mark.slow
def test_the_end_of_a_part_ends_the_whole_with_a_word(started):
    process, port, data = started
    assert answers(port) == 200
    [worker] = [pid for pid, line in processes(data) if "manage.py worker" in line]
    os.kill(worker, signal.SIGKILL)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The worker ended by itself" in said
