// What was done in this video, newest first, in words.

import { h } from "./dom.js";
import { fill, gettext } from "./i18n.js";

const span = (data) => (data.begin === undefined || data.end === undefined ? "" : ` ${data.begin}–${data.end - 1}`);

/** One decision of the log as a sentence. `nameOf(move)` gives a class its short name. */
export function sentence(entry, nameOf) {
  const { kind, before = {}, undoes } = entry;
  const data = entry.data ?? {};
  const move = data.move ?? before.move;
  const what = `${move === undefined ? "" : nameOf(move)}${span(data) || span(before)}`.trim();
  const text = {
    add: data.source === "imported" ? gettext("imported %(what)s") : gettext("marked %(what)s"),
    change: gettext("changed %(what)s"),
    remove: gettext("removed %(what)s"),
    restore: gettext("brought back a removed stroke"),
    accept: gettext("accepted %(what)s"),
    reject: gettext("rejected a suggestion"),
    reopen: gettext("opened a suggestion again"),
    complete: data.value ? gettext("said that every stroke is marked") : gettext("said that strokes are still missing"),
    roi: fill(gettext("moved the region at frame %(frame)s"), { frame: data.frame }),
  }[kind];
  const told = fill(text ?? kind, { what: kind === "change" ? changes(data, before, nameOf) : what });
  return undoes ? fill(gettext("undo: %(what)s"), { what: told }) : told;
}

function changes(data, before, nameOf) {
  const names = {
    begin: gettext("begin"),
    end: gettext("end"),
    move: gettext("class"),
    player: gettext("player"),
    note: gettext("note"),
    unsure: gettext("unsure"),
  };
  const shown = (field, value) => {
    if (field === "move") return nameOf(value ?? "") || "–";
    if (field === "end" && Number.isInteger(value)) return String(value - 1);
    if (typeof value === "boolean") return value ? gettext("yes") : gettext("no");
    return value === null || value === undefined || value === "" ? "–" : String(value);
  };
  return Object.keys(data)
    .map((field) => {
      const was = field in before ? `${shown(field, before[field])} → ` : "";
      return `${names[field] ?? field} ${was}${shown(field, data[field])}`;
    })
    .join(", ");
}

/** Fill the panel: what is not sent yet comes first. */
export function showLog(list, { history, pending, tree, language }) {
  const clock = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium", hourCycle: "h23" });
  const nameOf = (move) => tree.entry(move).short;
  const entries = [...pending.toReversed().map((entry) => ({ ...entry, unsent: true })), ...history];
  list.replaceChildren(...entries.map((entry) =>
    h("li", {}, h("span.log-text", {}, sentence(entry, nameOf)),
      h("span.quiet.small", {}, entry.unsent ? gettext("not sent yet") : entry.at ? clock.format(new Date(entry.at)) : ""))));
  if (!entries.length) list.append(h("li.quiet", {}, gettext("Nothing was done here yet.")));
}
