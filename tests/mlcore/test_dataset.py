"""Who may learn what from which moment."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mlcore import dataset
from mlcore.dataset import GAP, UNKNOWN, Pool, Region
from mlcore.formats import NEGATIVE, Dataset, Interval
from mlcore.progress import StepError
from tests.mlcore import squares

N = 3  # index of Negative
RATE = 30.0


def films(tmp_path, *videos):
    path = squares.dataset(tmp_path, "hold-out", list(videos))
    return dataset.open_films(Dataset.read(path), tmp_path, RATE)


def label(film, second):
    owner = film.owner[round(second * film.rate)]
    return film.spans[owner].allowed if owner >= 0 else owner


def test_moments_carry_the_label_that_the_expert_gave(tmp_path):
    (film,) = films(tmp_path, squares.video(tmp_path, "a", ["Right", "Up"]))
    assert label(film, 0.1) == GAP
    assert [label(film, k / 30) for k in (14, 15, 32, 33)] == [GAP, (0,), (0,), GAP]
    assert label(film, 50 / 30) == (2,)


def test_gaps_of_an_incomplete_video_are_unknown(tmp_path):
    video = squares.video(tmp_path, "a", ["Right", "Up"], complete=False)
    video.strokes.append(Interval(0, 10, NEGATIVE))
    (film,) = films(tmp_path, video)
    assert label(film, 12 / 30) == UNKNOWN and label(film, 5 / 30) == (N,)
    pool = Pool([film], dataset.regions([film], "train"), N)
    drawn = pool.draw(200, np.random.default_rng(0))
    assert all(s.second < 10 / 30 for s in drawn if s.allowed == (N,)) and any(s.allowed == (N,) for s in drawn)


def test_a_rejection_is_negative_except_where_a_stroke_is(tmp_path):
    video = squares.video(tmp_path, "a", ["Right", "Up"], complete=False)
    video.rejected.append(Interval(0, 20, "Down"))
    (film,) = films(tmp_path, video)
    assert label(film, 5 / 30) == (N,) and label(film, 17 / 30) == (0,)


def test_overlapping_strokes_share_by_the_nearer_centre(tmp_path):
    video = squares.video(tmp_path, "a", ["Right"])
    video.strokes = [Interval(0, 20, "Right"), Interval(14, 34, "Up")]
    (film,) = films(tmp_path, video)
    assert label(film, 15 / 30) == (0,) and label(film, 19 / 30) == (2,)


def test_partial_labels_allow_their_group(tmp_path):
    taxonomy = squares.TAXONOMY
    assert dataset.allowed(taxonomy, "Plain") == (0, 1)
    assert dataset.allowed(taxonomy, "") == (0, 1, 2)
    assert dataset.allowed(taxonomy, NEGATIVE) == (N,)
    with pytest.raises(StepError, match="unknown_move"):
        dataset.allowed(taxonomy, "Smash")


def test_classes_are_drawn_evenly_whatever_their_number(tmp_path):
    found = films(tmp_path, squares.video(tmp_path, "a", ["Right"] * 9 + ["Up"]))
    pool = Pool(found, dataset.regions(found, "train"), N, negatives=0.25)
    drawn = pool.draw(2000, np.random.default_rng(1))
    shares = {key: sum(s.allowed == key for s in drawn) / 2000 for key in ((0,), (2,), (N,))}
    assert shares == pytest.approx({(0,): 0.375, (2,): 0.375, (N,): 0.25}, abs=0.04)
    assert drawn == pool.draw(2000, np.random.default_rng(1))


def test_weights_of_intervals_count(tmp_path):
    video = squares.video(tmp_path, "a", ["Right", "Right", "Up"])
    video.strokes[0].weight = 3.0
    found = films(tmp_path, video)
    drawn = [s for s in Pool(found, dataset.regions(found, "train"), N).draw(2000, np.random.default_rng(1)) if s.allowed == (0,)]
    assert np.mean([s.second < 1.2 for s in drawn]) == pytest.approx(0.75, abs=0.06)


def test_nothing_is_drawn_outside_its_part(tmp_path):
    one = squares.video(tmp_path, "a", ["Right", "Up", "Down"])
    found = films(tmp_path, one, squares.video(tmp_path, "b", ["Right", "Up"], part="test"))
    pool = Pool(found, [Region(0, 0.0, 2.0)], N)
    assert all(s.film == 0 and s.second < 2.0 for s in pool.draw(300, np.random.default_rng(0)))
    assert [r.film for r in dataset.regions(found, "test")] == [1]


def test_an_empty_pool_says_so(tmp_path):
    video = squares.video(tmp_path, "a", ["Right"])
    video.strokes = []
    found = films(tmp_path, video)
    with pytest.raises(StepError, match="nothing_to_learn"):
        Pool(found, dataset.regions(found, "train"), N).draw(1, np.random.default_rng(0))


def test_time_blocks_keep_a_guard_of_one_window(tmp_path):
    found = films(tmp_path, squares.video(tmp_path, "a", ["Right", "Up", "Down", "Right", "Up", "Down"]))
    guard = 0.4
    folds = dataset.folds(found, dataset.regions(found, "train"), "time-blocks", N, guard)
    assert len(folds) == 3
    unseen = sorted((r.begin, r.end) for f in folds for r in f.unseen)
    assert unseen[0][0] == 0 and unseen[-1][1] == pytest.approx(found[0].duration)
    assert all(a[1] == b[0] for a, b in pairwise(unseen))
    assert sum(len(found[0].strokes(f.unseen, N)) for f in folds) == 6
    for fold in folds:
        (hole,) = fold.unseen
        assert all(r.end <= hole.begin - guard or r.begin >= hole.end + guard for r in fold.train)


def test_groups_are_left_out_whole(tmp_path):
    videos = [squares.video(tmp_path, name, ["Right", "Up"], group=group) for name, group in zip("abcde", "xxyzw")]
    found = films(tmp_path, *videos)
    folds = dataset.folds(found, dataset.regions(found, "train"), "leave-one-video-out", N, 0.4)
    assert len(folds) == 3
    for fold in folds:
        groups = [{found[r.film].video.group for r in part} for part in (fold.train, fold.unseen)]
        assert not groups[0] & groups[1]
    assert sorted(r.film for f in folds for r in f.unseen) == [0, 1, 2, 3, 4]


def test_one_group_or_one_stroke_leaves_nothing_unseen(tmp_path):
    found = films(tmp_path, squares.video(tmp_path, "a", ["Right"]))
    assert dataset.folds(found, dataset.regions(found, "train"), "time-blocks", N, 0.4) == []


def test_validation_asks_for_unknown_classes_only_as_some_stroke(tmp_path):
    found = films(tmp_path, squares.video(tmp_path, "a", ["Right", "Up"]))
    samples = Pool(found, dataset.regions(found, "train"), N).fixed(40, {0, N})
    assert {s.allowed for s in samples} == {(0,), (0, 1, 2), (N,)} and len(samples) <= 40


def test_mixed_flow_and_missing_preparation_are_refused(tmp_path):
    videos = [squares.video(tmp_path, name, ["Right"]) for name in "ab"]
    path = squares.dataset(tmp_path, "hold-out", videos)
    body = (tmp_path / "b" / "prepared.json").read_text()
    (tmp_path / "b" / "prepared.json").write_text(body.replace('"given"', '"other"'))
    with pytest.raises(StepError, match="mixed_flow"):
        dataset.open_films(Dataset.read(path), tmp_path, RATE)
    (tmp_path / "b" / "prepared.json").unlink()
    with pytest.raises(StepError, match="not_prepared"):
        dataset.open_films(Dataset.read(path), tmp_path, RATE)


def test_ordinals_between_stored_pictures_have_a_time(tmp_path):
    made, _ = squares.build(tmp_path / "s", ["Right"])
    thin = type(made)(made.folder, made.prepared, made.roi, made.seconds[::4], made.ordinals[::4])
    assert dataset.second_of(thin, 6) == pytest.approx(0.2)
    assert dataset.second_of(thin, 47) == pytest.approx(47 / 30)
