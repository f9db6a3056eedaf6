"""Byte ranges (RFC 9110, section 14), conditions, and what is sent with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from annotator.media import CHUNK, Unsatisfiable, parse_range

SIZE = CHUNK * 2 + 137
BODY = bytes(i * 7 % 251 for i in range(SIZE))


@pytest.fixture
def url(video: Any, data_root: Path) -> str:
    row = video()
    folder = data_root / "media" / str(row.pk)
    folder.mkdir()
    (folder / "proxy.mp4").write_bytes(BODY)
    (folder / "source.mp4").write_bytes(b"the original")
    return f"/media/{row.pk}/proxy.mp4"


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-", (0, 99)),
        ("bytes=5-9", (5, 9)),
        ("bytes=90-500", (90, 99)),
        ("bytes=-1", (99, 99)),
        ("bytes=-500", (0, 99)),
        (" bytes= 5-9 ", (5, 9)),
        ("bytes=9-5", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-1,3-4", None),
        ("frames=0-1", None),
        ("bytes=１-２", None),
        ("bytes 0-1", None),
        ("", None),
    ],
)
def test_ranges(header: str, wanted: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == wanted


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999-"])
def test_ranges_outside(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, 100)


@given(st.text(max_size=40), st.integers(0, 10_000))
def test_any_text_gives_a_range_inside_the_file_or_none(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            found = parse_range(text, size)
        except Unsatisfiable:
            continue
        assert found is None or 0 <= found[0] <= found[1] < size


def test_whole(as_alice: Client, url: str) -> None:
    response = as_alice.get(url)
    assert response.status_code == 200 and response.streaming
    assert content(response) == BODY
    assert response["Content-Type"] == "video/mp4"
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private"
    assert response["Content-Length"] == str(SIZE)


@pytest.mark.parametrize(
    "first,last", [(0, 0), (0, SIZE - 1), (CHUNK - 1, CHUNK), (SIZE - 1, SIZE - 1), (3, 2 * CHUNK)]
)
def test_part(as_alice: Client, url: str, first: int, last: int) -> None:
    response = as_alice.get(url, headers={"range": f"bytes={first}-{last}"})
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert response["Content-Length"] == str(last - first + 1)
    assert content(response) == BODY[first : last + 1]


def test_suffix_and_beyond(as_alice: Client, url: str) -> None:
    assert content(as_alice.get(url, headers={"range": "bytes=-10"})) == BODY[-10:]
    beyond = as_alice.get(url, headers={"range": f"bytes={SIZE}-"})
    assert (beyond.status_code, beyond["Content-Range"], content(beyond)) == (416, f"bytes */{SIZE}", b"")


def test_several_ranges_give_the_whole_file(as_alice: Client, url: str) -> None:
    response = as_alice.get(url, headers={"range": "bytes=0-1,5-6"})
    assert response.status_code == 200
    assert content(response) == BODY


def test_if_range(as_alice: Client, url: str) -> None:
    whole = as_alice.get(url)
    content(whole)
    for header, status in (
        (whole["ETag"], 206),
        (whole["Last-Modified"], 206),
        ('"other"', 200),
        (f"W/{whole['ETag']}", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("nonsense", 200),
    ):
        response = as_alice.get(url, headers={"range": "bytes=0-9", "if-range": header})
        assert response.status_code == status, header
        content(response)


def test_conditions_and_head(as_alice: Client, url: str) -> None:
    head = as_alice.head(url)
    assert (head.status_code, head["Content-Length"], head.content) == (200, str(SIZE), b"")
    assert as_alice.head(url, headers={"range": "bytes=0-1"}).status_code == 200, "Range belongs to GET alone"
    etag = head["ETag"]
    unchanged = as_alice.get(url, headers={"if-none-match": etag})
    assert (unchanged.status_code, unchanged["ETag"]) == (304, etag)
    assert as_alice.get(url, headers={"if-match": '"other"'}).status_code == 412


def test_a_new_file_has_a_new_etag(as_alice: Client, url: str, data_root: Path) -> None:
    before = as_alice.head(url)["ETag"]
    path = next(data_root.glob("media/*/proxy.mp4"))
    other = path.with_name("new")
    other.write_bytes(BODY[::-1])
    other.replace(path)
    assert as_alice.head(url)["ETag"] != before


def test_only_named_files_of_videos_one_may_see(as_alice: Client, as_charlie: Client, url: str) -> None:
    assert as_alice.get(url.replace("proxy.mp4", "source.mp4")).status_code == 404
    assert as_alice.get(url.replace("proxy.mp4", "poster.jpg")).status_code == 404, "not made yet"
    assert as_alice.get(url.replace("proxy.mp4", "..%2f..%2fdb.sqlite3")).status_code == 404
    assert as_charlie.get(url).status_code == 403
    assert Client().get(url).status_code == 302
