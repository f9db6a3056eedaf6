"""What is said at the start, with ids."""

from pathlib import Path

import pytest
from django.core import checks as django_checks

from annotator import apps, checks


def ids(found):
    return [message.id for message in found]


def test_this_site_has_no_errors(settings):
    for check in (checks.sqlite_version, checks.queue, checks.schedule, checks.values):
        assert check(None) == [], check
    assert "topspin.E001" not in ids(checks.disk(None))


def test_checks_are_registered():
    assert apps.AnnotatorConfig.name == "annotator"
    registered = django_checks.registry.registry.get_checks()
    assert {checks.sqlite_version, checks.disk, checks.queue, checks.schedule, checks.values} <= set(registered)


@pytest.mark.parametrize(
    ("version", "safe"),
    [((3, 40, 1), False), ((3, 46, 1), False), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 53, 4), True),
     ((3, 50, 7), True), ((3, 50, 6), False),
     ((3, 44, 6), True), ((3, 44, 5), False), ((3, 45, 0), False), ((3, 51, 0), False)],
)  # fmt: skip
def test_unsafe_sqlite_is_named(settings, version, safe):
    settings.SQLITE_VERSION = version
    assert ids(checks.sqlite_version(None)) == ([] if safe else ["topspin.W001"])


def test_queue_times_must_fit(settings):
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "retry": 360}
    assert ids(checks.queue(None)) == ["topspin.E002"]
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "retry": 361, "guard_cycle": 0.3}
    assert ids(checks.queue(None)) == ["topspin.E003"]


def test_schedule_and_words(settings):
    settings.RETRAIN_CRON = "*/5 * * * *"
    assert ids(checks.schedule(None)) == ["topspin.E004"]
    settings.PRESET, settings.FLOW, settings.DEVICE = "huge", "raft", "tpu"
    settings.BLIND_SHARE, settings.SLOTS = 1.0, {"cpu": 0}
    assert ids(checks.values(None)) == ["topspin.E005"] * 3 + ["topspin.E006", "topspin.E007"]


def test_low_space_is_said(settings):
    settings.DISK_RESERVE_BYTES = 2**60
    assert "topspin.W002" in ids(checks.disk(None))


def test_file_system_of_a_folder(tmp_path):
    table = tmp_path / "mounts"
    table.write_text(
        "/dev/vda / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\n"
        "/dev/vdb /srv/local ext4 rw 0 0\nm /mnt/a\\040b cifs rw 0 0\n"
    )
    assert checks.file_system(Path("/srv/topspin"), table) == "nfs4"
    assert checks.file_system(Path("/srv/local/topspin"), table) == "ext4"
    assert checks.file_system(Path("/srvx"), table) == "ext4"
    assert checks.file_system(Path("/mnt/a b/c"), table) == "cifs"
    assert checks.file_system(Path("/srv"), tmp_path / "none") == ""
