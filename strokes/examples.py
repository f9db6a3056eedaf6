"""Which stroke of the site is shown as the example of a class."""

from __future__ import annotations

from django.contrib.auth.models import User

from mlcore import formats
from strokes import taxonomy as taxonomies
from strokes import videos
from strokes.errors import Refused
from strokes.models import Example, Taxonomy, Video

LONGEST_S = 15.0


def choose(*, video: Video, move: str, begin: int, end: int, user: User) -> Example:
    """Show `[begin, end)` of `video` as the example of the class `move` of its taxonomy, instead of what was shown before.

    Refused: unknown_move{move, taxonomy, nearest} (a group is no class), not_watchable{title}, bad_example{longest},
    example_blind{title} (a blind video must not teach anybody what was marked in it).
    """
    if not taxonomies.is_full(video.taxonomy, move) or move == formats.NEGATIVE:
        raise Refused("unknown_move", move=move[:120], taxonomy=video.taxonomy.name,
                      nearest=taxonomies.nearest(video.taxonomy, move))  # fmt: skip
    if video.blind:
        raise Refused("example_blind", title=video.title)
    try:
        table = formats.FrameTable.read(videos.folder(video) / "frames.json")
    except FileNotFoundError as error:
        raise Refused("not_watchable", title=video.title) from error
    if not 0 <= begin < end <= table.n or table.seconds(end) - table.seconds(begin) > LONGEST_S:
        raise Refused("bad_example", longest=round(LONGEST_S))
    values = {"video": video, "begin": begin, "end": end, "begin_s": table.seconds(begin), "end_s": table.seconds(end), "chosen_by": user}
    row, _made = Example.objects.update_or_create(taxonomy=video.taxonomy, move=move, defaults=values)
    return row


def remove(*, taxonomy: Taxonomy, move: str) -> bool:
    """Show the drawn example of the class again; whether there was another."""
    return Example.objects.filter(taxonomy=taxonomy, move=move).delete()[0] > 0


def chosen(taxonomy: Taxonomy) -> dict[str, Example]:
    """The chosen examples by class; those in videos that became blind since are left out."""
    rows = Example.objects.filter(taxonomy=taxonomy, video__blind=False).select_related("video")
    return {row.move: row for row in rows}
