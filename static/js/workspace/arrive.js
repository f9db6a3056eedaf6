// Where a link into the workspace leads: `?frame=412&stroke=<id>`, `?frame=412&suggestion=<id>`, or `?decide`: to the
// first suggestion that is open.

/** {frame, kind, id} of an address; null for what it does not say. */
export function placeIn(search) {
  const asked = new URLSearchParams(search);
  const frame = /^\d{1,9}$/.test(asked.get("frame") ?? "") ? Number(asked.get("frame")) : null;
  const kind = ["stroke", "suggestion"].find((name) => asked.get(name)) ?? null;
  return { frame, kind, id: kind && asked.get(kind) };
}

/** Show the picture that was asked for, and choose the stroke or suggestion if it is there. */
export async function arrive({ player, editor, store, scale }, search) {
  const { frame, kind, id } = placeIn(search);
  const known = kind && (kind === "stroke" ? store.state.strokes : store.state.suggestions).get(id);
  await player.goTo(known ? known.begin : (frame ?? 0));
  if (known) editor.select(kind, id, { go: false });
  else if (new URLSearchParams(search).has("decide")) editor.nextToDecide({ quiet: true });
  scale.follow(player.frame);
}
