// What is wrong with a key map: two actions on one key, an action on a class key, a key that the browser keeps, a sign
// that nobody can type because its key does something else on this keyboard.

import { GROUP_KEYS } from "./classtree.js";
import { fill, gettext } from "./i18n.js";
import { signKey } from "./layouts.js";

/** Ctrl combinations that browsers keep for themselves or that people expect to do what they always do. */
const KEPT_CTRL = new Set([..."wtnqrlpfsdhjoukbacvxg0123456789+-="]);
const KEPT_CODES = new Set(["Tab", "F1", "F3", "F5", "F6", "F7", "F10", "F11", "F12", "ContextMenu", "PrintScreen"]);

const same = (a, b) =>
  a.code === b.code && a.key === b.key && Boolean(a.shift) === Boolean(b.shift) && Boolean(a.ctrl) === Boolean(b.ctrl);

export function isClassKey({ code = "", key = "", shift, ctrl }) {
  if (ctrl || shift) return false;
  return GROUP_KEYS.includes(code) || /^(Digit|Numpad)\d$/.test(code) || /^\d$/.test(key);
}

export function isKept({ code = "", key = "", ctrl }) {
  return KEPT_CODES.has(code) || Boolean(ctrl && (KEPT_CTRL.has(key) || ["Tab", "PageUp", "PageDown"].includes(code)));
}

/** Whether the sign of `binding` is typed by a key whose place does another action: then the place has it. */
function hiddenBy(bindings, binding, action, printed) {
  const typed = binding.key && !binding.ctrl ? signKey(binding.key, printed) : null;
  if (!typed) return null;
  const place = { code: typed.code, shift: typed.shift };
  const taken = isClassKey(place) ? null : bindings.find(([other, one]) => other !== action && same(one, place));
  return taken?.[0] ?? null;
}

/**
 * Every conflict of `bindings` on the keyboard `printed` (a layout's name or a map of the browser's), as
 * {kind: "shared" | "class" | "kept" | "hidden", action, other, binding}. A hidden sign counts only where its action
 * has no other key.
 */
export function conflictsOf(bindings, printed = "qwerty") {
  const found = [];
  bindings.forEach(([action, binding], index) => {
    const twin = bindings.slice(0, index).find(([other, one]) => other !== action && same(one, binding));
    if (twin) found.push({ kind: "shared", action, other: twin[0], binding });
    if (isClassKey(binding)) found.push({ kind: "class", action, other: null, binding });
    if (isKept(binding)) found.push({ kind: "kept", action, other: null, binding });
    const other = hiddenBy(bindings, binding, action, printed);
    const own = bindings.filter(([name]) => name === action);
    if (other && own.every(([, one]) => hiddenBy(bindings, one, action, printed))) {
      found.push({ kind: "hidden", action, other, binding });
    }
  });
  return found;
}

/** The conflict as a sentence. `nameOf(action)` says what an action does, `cap(binding)` what its key is called. */
export function inWords({ kind, other, binding }, { nameOf, cap }) {
  const key = cap(binding);
  const text = {
    shared: gettext("%(key)s is taken: “%(other)s”. Give that another key first."),
    class: gettext("%(key)s belongs to the classes. Choose another key, or hold Shift with it."),
    kept: gettext("%(key)s belongs to the browser. Choose another key."),
    hidden: gettext("On this keyboard %(key)s is the key of “%(other)s”. Choose another key."),
  }[kind];
  return fill(text, { key, other: other ? nameOf(other) : "" });
}
