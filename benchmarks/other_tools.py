"""What one stroke of the script takes in other tools, by their documented keys; docs/keystrokes.md says what is assumed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tool:
    """`keys`: what goes down for one stroke, key by key, Shift, Ctrl and Alt counted. `mouse`: presses and drags."""

    name: str
    recipe: str
    keys: tuple[str, ...]
    mouse: int = 0


OTHERS = [
    Tool(
        "ELAN",
        "segmentation mode, two keystrokes per annotation: Enter, Enter while playing; then in annotation mode the next "
        "annotation (Alt+→), modify its value (Alt+M), the entry of the controlled vocabulary by its shortcut letter",
        ("Enter", "Enter", "Alt", "→", "Alt", "M", "letter"),
    ),
    Tool("BORIS", "a state event of its own key for each class: the key starts it, the key again stops it", ("key", "key")),
    Tool(
        "VIA 3",
        "A adds a segment at the playhead, Shift+A moves its end to the playhead; the class from a list beside the video by mouse",
        ("A", "Shift", "A"),
        2,
    ),
    Tool(
        "Label Studio",
        "the label by its hotkey (20 labels: 1–0 and letters), the region drawn by dragging on the timeline; U unselects it",
        ("label", "U"),
        1,
    ),
]


def keys_of(tool: Tool) -> int:
    return len(tool.keys)
