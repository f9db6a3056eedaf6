"""What the tests of the workshop share: the same arithmetic on every processor."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def exact_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processors that multiply bfloat16 take it by themselves; these tests hold float32 to its figures on each."""
    from mlcore import networks

    monkeypatch.setattr(networks, "multiplies_bf16", lambda device: False)
