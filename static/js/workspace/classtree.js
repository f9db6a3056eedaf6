// Any taxonomy as groups and leaves that two keys reach: a group key, then a number.

/** Physical keys of the groups: the block under the left hand, three types across, two hands down. */
export const GROUP_KEYS = ["KeyQ", "KeyW", "KeyE", "KeyA", "KeyS", "KeyD"];
const LEAVES_PER_GROUP = 9;
export const NEGATIVE = "Negative";
const TYPES = ["serve", "offensive", "defensive"];

function collect(moves) {
  const groups = new Map();
  moves.forEach((move, index) => {
    const name = move.group || `${Math.floor(index / 4) * 4 + 1}–${Math.min(moves.length, Math.floor(index / 4) * 4 + 4)}`;
    if (!groups.has(name)) {
      const first = move.name === `${name} ${move.leaf}` || Boolean(move.type);
      groups.set(name, { name, fr: move.group_fr || name, type: move.type, hand: move.hand, partial: first, leaves: [] });
    }
    groups.get(name).leaves.push(move);
  });
  return [...groups.values()];
}

/** More groups than keys, or a group too long: the moves in their order, dealt out to six groups. */
function deal(moves) {
  const size = Math.min(LEAVES_PER_GROUP, Math.max(4, Math.ceil(moves.length / GROUP_KEYS.length)));
  const groups = [];
  for (let from = 0; from < moves.length; from += size) {
    const leaves = moves.slice(from, from + size);
    const name = `${from + 1}–${from + leaves.length}`;
    groups.push({ name, fr: name, type: "", hand: "", partial: false, leaves });
  }
  return groups;
}

/** Type across, hand down, when the taxonomy has at most three types and two hands; else in the file's order. */
function place(groups) {
  const distinct = (field) => [...new Set(groups.map((group) => group[field]))];
  const types = distinct("type");
  const hands = distinct("hand");
  const cells = groups.map((group) => hands.indexOf(group.hand) * 3 + types.indexOf(group.type));
  const fits = types.length <= 3 && hands.length <= 2 && !types.includes("") && new Set(cells).size === groups.length;
  groups.forEach((group, index) => {
    group.key = GROUP_KEYS[fits ? cells[index] : index] ?? "";
  });
  return groups.sort((a, b) => rank(a) - rank(b));
}

const rank = (group) => (group.key ? GROUP_KEYS.indexOf(group.key) : GROUP_KEYS.length);

/** "OF Loop" -> "OFL"; the first letter of what is not in capitals. */
export function acronym(short) {
  return short.split(/\s+/).map((word) => (word === word.toUpperCase() ? word : word[0].toUpperCase())).join("");
}

function look(group, index) {
  const type = (group.type || "").toLowerCase();
  const hand = (group.hand || "").toLowerCase();
  if (TYPES.includes(type)) return { hue: type, dark: hand === "backhand" };
  return { hue: TYPES[index % 3], dark: Math.floor(index / 3) % 2 === 1 };
}

export class ClassTree {
  constructor(taxonomy, language = "en") {
    const french = language.startsWith("fr");
    const given = collect(taxonomy.moves);
    const fits = given.length <= GROUP_KEYS.length && given.every((group) => group.leaves.length <= LEAVES_PER_GROUP);
    this.groups = place(fits ? given : deal(taxonomy.moves));
    this.moves = new Map();
    this.groups.forEach((group, index) => {
      group.look = look(group, index);
      group.label = french ? group.fr : group.name;
      if (group.partial) {
        const short = group.name.split(/\s+/).map((word) => word[0]).join("");
        this.moves.set(group.name, { ...this.#entry(group.label, `${short} ?`, group), name: group.name, partial: true });
      }
      group.leaves = group.leaves.map((move, at) => this.#leaf(move, at, group, french));
    });
    this.moves.set(NEGATIVE, {
      ...this.#entry(french ? "Pas un coup" : NEGATIVE, "Neg", { look: { hue: "negative", dark: false } }),
      name: NEGATIVE,
    });
  }

  #entry(label, short, group) {
    return { label, short, acronym: acronym(short), look: group.look, group, key: null, partial: false };
  }

  #leaf(move, at, group, french) {
    const label = (french && move.fr) || move.name;
    const entry = {
      ...this.#entry(label, move.short || move.name, group),
      name: move.name,
      leaf: (french && move.leaf_fr) || move.leaf || label,
      digit: at + 1,
      english: move.name,
    };
    this.moves.set(move.name, entry);
    return entry;
  }

  /** The entry of a class name; unknown and empty names get an honest one. */
  entry(name) {
    if (this.moves.has(name)) return this.moves.get(name);
    return { ...this.#entry(name, name || "?", { look: { hue: "none", dark: false } }), name };
  }

  group(key) {
    return this.groups.find((group) => group.key === key) ?? null;
  }

  /** Moves whose short form, initials or words answer to what was typed; best first. */
  search(text) {
    const wanted = fold(text);
    if (!wanted) return [...this.moves.values()];
    const scored = [];
    for (const move of this.moves.values()) {
      const score = match(wanted, move);
      if (score) scored.push([score, move]);
    }
    return scored.sort((a, b) => b[0] - a[0]).map(([, move]) => move);
  }
}

const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();

function match(wanted, move) {
  const initials = (text) => fold(text).split(" ").map((word) => word[0]).join("");
  const tight = wanted.replaceAll(" ", "");
  if (fold(move.acronym) === tight || initials(move.name) === tight) return 6;
  if (initials(move.label) === tight) return 5;
  if (initials(move.name).startsWith(tight)) return 4;
  for (const text of [fold(move.label), fold(move.name), fold(move.short)]) {
    if (text.startsWith(wanted)) return 3;
    if (wanted.split(" ").every((part) => text.split(" ").some((word) => word.startsWith(part)))) return 2;
  }
  return subsequence(tight, fold(move.name).replaceAll(" ", "")) ? 1 : 0;
}

function subsequence(wanted, text) {
  let at = -1;
  return [...wanted].every((letter) => (at = text.indexOf(letter, at + 1)) >= 0);
}
