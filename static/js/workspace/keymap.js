// Which key does which action. Letters and digits go by the physical key (event.code), so that the hand's places are
// the same on every layout; combinations and symbols go by the character (event.key), because physical Z is W on AZERTY.

/** [action, binding]. `code` or `key`; `shift` and `ctrl` must match; ctrl means Ctrl or Command. */
export const BINDINGS = [
  ["play", { code: "Space" }],
  ["shuttle-back", { code: "KeyJ" }],
  ["shuttle-stop", { code: "KeyK" }],
  ["shuttle-forward", { code: "KeyL" }],
  ["slower", { code: "KeyJ", shift: true }],
  ["faster", { code: "KeyL", shift: true }],
  ["step-back", { code: "ArrowLeft" }],
  ["step-forward", { code: "ArrowRight" }],
  ["step-back", { key: "," }],
  ["step-forward", { key: "." }],
  ["leap-back", { code: "ArrowLeft", shift: true }],
  ["leap-forward", { code: "ArrowRight", shift: true }],
  ["first-frame", { code: "Home" }],
  ["last-frame", { code: "End" }],
  ["go-to", { code: "KeyG" }],
  ["loop", { code: "KeyP" }],
  ["play-around", { code: "KeyP", shift: true }],
  ["mark-begin", { code: "KeyI" }],
  ["mark-end", { code: "KeyO" }],
  ["set-begin", { code: "KeyI", shift: true }],
  ["set-end", { code: "KeyO", shift: true }],
  ["begin-earlier", { code: "BracketLeft" }],
  ["begin-later", { code: "BracketRight" }],
  ["begin-earlier-5", { code: "BracketLeft", shift: true }],
  ["begin-later-5", { code: "BracketRight", shift: true }],
  ["end-earlier", { code: "Semicolon" }],
  ["end-later", { code: "Quote" }],
  ["end-earlier-5", { code: "Semicolon", shift: true }],
  ["end-later-5", { code: "Quote", shift: true }],
  ["split", { code: "KeyB" }],
  ["merge", { code: "KeyB", shift: true }],
  ["duplicate", { code: "KeyD", shift: true }],
  ["extend-end", { code: "KeyZ" }],
  ["extend-begin", { code: "KeyZ", shift: true }],
  ["class-keys", { code: "KeyC" }],
  ["previous", { code: "ArrowUp" }],
  ["next", { code: "ArrowDown" }],
  ["next-to-decide", { code: "KeyN" }],
  ["next-video", { code: "KeyN", shift: true }],
  ["accept", { code: "Enter" }],
  ["accept", { code: "NumpadEnter" }],
  ["reject", { code: "KeyX" }],
  ["remove", { code: "Delete" }],
  ["remove", { code: "Backspace" }],
  ["unsure", { code: "KeyU" }],
  ["note", { code: "KeyT" }],
  ["palette", { key: "/" }],
  ["region", { code: "KeyR" }],
  ["rule", { code: "KeyV" }],
  ["why", { code: "KeyV", shift: true }],
  ["history", { code: "KeyH" }],
  ["fit", { code: "KeyF" }],
  ["zoom-in", { key: "+" }],
  ["zoom-out", { key: "-" }],
  ["zoom-in", { key: "=" }],
  ["zoom-in", { code: "ArrowUp", ctrl: true }],
  ["zoom-out", { code: "ArrowDown", ctrl: true }],
  ["pan-left", { code: "PageUp" }],
  ["pan-right", { code: "PageDown" }],
  ["compare", { code: "KeyY" }],
  ["next-disagreement", { code: "ArrowDown", shift: true }],
  ["into-consensus", { code: "Enter", shift: true }],
  ["previous-disagreement", { code: "ArrowUp", shift: true }],
  ["complete", { code: "Enter", ctrl: true }],
  ["cancel", { code: "Escape" }],
  ["undo", { key: "z", ctrl: true }],
  ["redo", { key: "z", ctrl: true, shift: true }],
  ["redo", { key: "y", ctrl: true }],
  ["sheet", { key: "?" }],
];

/** Keys that type a character: the ones WCAG 2.1.4 wants to be switched off. */
export function isSingle(binding) {
  const types = Boolean(binding.key) || !/^(Arrow|Home|End|Enter|NumpadEnter|Escape|Delete|Backspace|Space|Page)/.test(binding.code);
  return types && !binding.ctrl;
}

function matches(binding, event) {
  if (Boolean(binding.ctrl) !== Boolean(event.ctrlKey || event.metaKey)) return false;
  if (event.altKey && !binding.key) return false;
  // A symbol may need Shift on one layout and not on another: the character alone decides.
  if (binding.key && !binding.ctrl) return event.key === binding.key;
  if (Boolean(binding.shift) !== Boolean(event.shiftKey)) return false;
  return binding.key ? event.key.toLowerCase() === binding.key : event.code === binding.code;
}

/** The bindings of somebody: `keymap` {action: [binding, ...]} takes the place of the ones above, action by action. */
export function bindingsOf(keymap = {}) {
  const own = (action) => Object.hasOwn(keymap, action);
  const kept = BINDINGS.filter(([action]) => !own(action));
  const known = new Set(BINDINGS.map(([action]) => action));
  const chosen = Object.entries(keymap).filter(([action]) => known.has(action));
  return [...kept, ...chosen.flatMap(([action, bindings]) => bindings.map((binding) => [action, binding]))];
}

/** The action a keydown stands for, or null. A place wins over the symbol it types, where both are bound. */
export function actionOf(event, singleKeys = true, bindings = BINDINGS) {
  const fits = bindings.filter(([, binding]) => matches(binding, event) && (singleKeys || !isSingle(binding)));
  const place = fits.find(([, binding]) => binding.code);
  return (place ?? fits[0])?.[0] ?? null;
}

/** The first binding of an action, for printing. */
export const bindingOf = (action, bindings = BINDINGS) => bindings.find(([name]) => name === action)?.[1] ?? null;

const MODIFIERS = ["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "Fn"];

/** The binding that a keydown would be, or null for a modifier alone and for Alt. */
export function bindingFrom(event) {
  if (MODIFIERS.includes(event.key) || event.altKey) return null;
  const ctrl = event.ctrlKey || event.metaKey ? { ctrl: true } : {};
  const shift = event.shiftKey ? { shift: true } : {};
  const printable = [...event.key].length === 1 && event.key !== " ";
  const symbol = printable && !/^\p{L}$/u.test(event.key) && !/^(Digit|Numpad)/.test(event.code);
  if (ctrl.ctrl && printable) return { key: event.key.toLowerCase(), ...ctrl, ...shift };
  if (symbol) return { key: event.key };
  return event.code ? { code: event.code, ...ctrl, ...shift } : null;
}

function digitOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
  const match = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  return match ? Number(match[1]) : null;
}

/**
 * The two-key class chord. `press(event)` returns null (not ours) or what it means:
 * {group} a group waits for its number, {move} a class was picked, {top} the model's first, second, third,
 * {refused} the group has no such number.
 */
export class ClassChord {
  constructor(tree, negative = "Negative") {
    this.tree = tree;
    this.negative = negative;
    this.pending = null;
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
    const digit = digitOf(event);
    if (digit !== null) return this.#digit(digit);
    const group = this.tree.group(event.code);
    if (!group) return null;
    this.pending = this.pending === group ? null : group;
    return { group: this.pending };
  }

  #digit(digit) {
    const group = this.pending;
    this.pending = null;
    if (!group) {
      if (digit === 0) return { move: this.negative };
      return digit <= 3 ? { top: digit - 1 } : null;
    }
    if (digit === 0) return group.partial ? { move: group.name } : { refused: group };
    const leaf = group.leaves[digit - 1];
    return leaf ? { move: leaf.name } : { refused: group };
  }

  clear() {
    const was = this.pending;
    this.pending = null;
    return was;
  }
}
