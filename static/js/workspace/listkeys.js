// The list under the keyboard: arrows, Home, End and pages go through what the filter shows; letters find a class where single
// keys are switched off (else they are shortcuts, there as everywhere).

const PAGE = 10;
const TYPING_MS = 700;

/** Index after `from` of the next row whose name begins with `typed`, or -1. */
export function typeAhead(names, from, typed) {
  const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const wanted = fold(typed);
  const start = typed.length > 1 ? Math.max(0, from) : from + 1;
  for (let i = 0; i < names.length; i += 1) {
    const at = (start + i) % names.length;
    if (fold(names[at]).startsWith(wanted)) return at;
  }
  return -1;
}

export function attachListKeys(root, list) {
  let typed = "";
  let last = 0;

  function find(event) {
    if (event.timeStamp - last > TYPING_MS) typed = "";
    last = event.timeStamp;
    typed += event.key;
    const names = list.rows.map((one) => list.tree.entry(one.move).label);
    const found = typeAhead(names, list.at, typed);
    if (found >= 0) list.pick(found);
  }

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const { at } = list;
    const moves = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), Home: 0, End: list.rows.length - 1, PageDown: at + PAGE, PageUp: Math.max(0, at - PAGE) };
    const letter = event.key.length === 1 && event.key !== " " && document.body.classList.contains("single-keys-off");
    if (!(event.code in moves) && !letter) return;
    event.preventDefault();
    event.stopPropagation();
    if (letter) find(event);
    else list.pick(moves[event.code]);
  });
}
