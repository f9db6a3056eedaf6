"""SIGKILL at random moments changes nothing but the time a training takes (the long campaign: benchmarks/soak_resume.py)."""

from __future__ import annotations

from benchmarks import soak_resume


def test_a_training_killed_at_random_moments_ends_with_the_same_bits(tmp_path):
    found = soak_resume.campaign(tmp_path, kills=3, epochs=8, every=0.15, longest=0.6)
    assert found.kills == len(found.redone) == 3 and found.identical
