// Which keys are the page's own: not those typed into a field, pressed in a dialog, or pressing the button that has the focus.

/** A field in a dialog that has just closed keeps the focus until the browser draws again: it is no longer typed into. */
function typing(target) {
  const field = target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  return field?.checkVisibility() ? field : null;
}

function pressing(event) {
  if (event.code !== "Enter" && event.code !== "Space") return false;
  return Boolean(event.target.closest?.("button, a, summary, input")?.checkVisibility());
}

/** Call `handle(event)` for each of them. Whose a key is, is seen before anybody acts on it: what it closes was still open. */
export function hearPageKeys(handle) {
  let ours = false;
  let field = null;
  const look = (event) => {
    const elsewhere = event.isComposing || document.querySelector("dialog[open]");
    field = elsewhere ? null : typing(event.target);
    ours = !elsewhere && !field && !pressing(event);
  };
  document.addEventListener("keydown", look, true);
  document.addEventListener("keydown", (event) => {
    if (ours) handle(event);
    else if (event.code === "Escape") field?.blur();
  });
}
