// Players: the rows that say who is seen in a video, in the upload panel and in the dialog of a card.

/** Add an empty row, or one for `player`, to `rows`. */
export function addPlayer(rows, player = null) {
  const copy = document.getElementById("player-row").content.cloneNode(true);
  const row = copy.firstElementChild;
  for (const name of player ? ["pseudonym", "hand", "side"] : []) row.querySelector(`[name=${name}]`).value = player[name];
  rows.append(copy);
  return row;
}

/** The players named in `rows`: [{pseudonym, hand, side}]. */
export function playersIn(rows) {
  const value = (row, name) => row.querySelector(`[name=${name}]`).value.trim();
  const one = (row) => Object.fromEntries(["pseudonym", "hand", "side"].map((name) => [name, value(row, name)]));
  return [...rows.querySelectorAll(".upload-player")].map(one).filter((player) => player.pseudonym);
}

/** Let rows be removed, and fill in the hand of a player who is known here already. */
export function enliven(rows) {
  rows.addEventListener("change", (event) => {
    if (event.target.name !== "pseudonym") return;
    const known = document.querySelector(`#known-players option[value="${CSS.escape(event.target.value)}"]`);
    if (known) event.target.closest(".upload-player").querySelector("[name=hand]").value = known.dataset.hand;
  });
  rows.addEventListener("click", (event) => {
    if (event.target.closest("[data-remove]")) event.target.closest(".upload-player").remove();
  });
}
