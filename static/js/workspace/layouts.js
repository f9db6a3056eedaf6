// What is printed on physical keys: asked of the browser where it tells, else known for three layouts.

import { gettext } from "./i18n.js";

const LAYOUTS = {
  qwerty: { Semicolon: ";", Quote: "'", BracketLeft: "[", BracketRight: "]" },
  azerty: {
    KeyQ: "A", KeyW: "Z", KeyA: "Q", KeyZ: "W", KeyM: ",", Semicolon: "M", Quote: "ù",
    BracketLeft: "^", BracketRight: "$",
  },
  qwertz: { KeyY: "Z", KeyZ: "Y", Semicolon: "Ö", Quote: "Ä", BracketLeft: "Ü", BracketRight: "+" },
};

export const LAYOUT_NAMES = Object.keys(LAYOUTS);

/** Keys that have a name, as keyboards of the page's language print it. */
const named = () => ({
  Space: gettext("Space"), ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Enter: gettext("Enter"), Delete: gettext("Del"),
  Backspace: "⌫", Escape: "Esc", Home: gettext("Home"), End: gettext("End"),
  NumpadEnter: gettext("Num Enter"), NumpadAdd: "Num +", NumpadSubtract: "Num −", PageUp: gettext("PgUp"), PageDown: gettext("PgDn"),
});

/** Where signs that need Shift (or a letter's place) lie; what is not here lies where QWERTY prints it. */
const SIGNS = {
  qwerty: { ",": "Comma", ".": "Period", "/": "Slash", "?": "Slash shift", "+": "Equal shift", "=": "Equal", "-": "Minus" },
  azerty: {
    ",": "KeyM", ".": "Comma shift", "/": "Period shift", "?": "KeyM shift", "+": "Equal shift", "=": "Equal", "-": "Digit6",
    ";": "Comma", ":": "Period", "!": "Slash",
  },
  qwertz: {
    ",": "Comma", ".": "Period", "/": "Digit7 shift", "?": "Minus shift", "+": "BracketRight", "=": "Digit0 shift", "-": "Slash",
  },
};

/** {code, shift} of the key that types `sign` on a keyboard (a layout's name, or the browser's map), or null. */
export function signKey(sign, printed) {
  if (typeof printed !== "string") {
    for (const [code, character] of printed) if (character === sign) return { code, shift: false };
    return null;
  }
  const known = SIGNS[printed]?.[sign];
  if (known) return { code: known.split(" ")[0], shift: known.endsWith(" shift") };
  const place = Object.entries(LAYOUTS[printed] ?? {}).find(([, character]) => character.toLowerCase() === sign);
  return place ? { code: place[0], shift: false } : null;
}

/** Without an answer from the browser: AZERTY for French, QWERTZ for German, QWERTY else. */
export function guess(language) {
  if (language.startsWith("fr")) return "azerty";
  return language.startsWith("de") ? "qwertz" : "qwerty";
}

/** What the key with `code` shows. `printed`: a layout's name, or a map of code -> character from the browser. */
export function print(code, printed) {
  const name = named()[code];
  if (name) return name;
  if (/^(Digit|Numpad)\d$/.test(code)) return code.at(-1);
  const known = typeof printed === "string" ? LAYOUTS[printed]?.[code] : printed.get(code);
  if (known) return known.length === 1 && known !== "ß" ? known.toUpperCase() : known;
  return code.startsWith("Key") ? code.slice(3) : code;
}

/** The browser's own map, or the guess for `language`. */
export async function detect(language, navigator = globalThis.navigator) {
  try {
    const map = await navigator.keyboard.getLayoutMap();
    if (map.size > 0) return map;
  } catch {
    // Not offered here (Firefox, Safari, plain http): the guess is as good as it gets, and can be chosen in the sheet.
  }
  return guess(language);
}
