// Rows: one file on its way as people see it: name, how far, what it waits for, and the buttons that make sense now.

import { size, timeLeft } from "../base.js";

const SHARE = { sending: true, retrying: true, paused: true, waiting: true, queued: true };

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function button(name, press) {
  const made = element("button", "button button-quiet button-small");
  made.type = "button";
  made.dataset.do = name;
  made.addEventListener("click", press);
  return made;
}

/** What a button says, and what it says to those who do not see the row it stands in. */
function label(row, act, text, file) {
  const made = row.querySelector(`[data-do=${act}]`);
  made.textContent = text;
  made.setAttribute("aria-label", `${text} ${file}`);
}

/** Put a row for `entry` into the list; `acts`: {pause, goOn, cancel} take the entry. */
export function makeRow(entry, acts) {
  const row = element("li", "upload-file");
  const bar = element("progress", "");
  bar.max = 1;
  bar.setAttribute("aria-label", entry.name);
  const said = element("p", "upload-file-said");
  const buttons = element("span", "upload-file-buttons");
  buttons.append(
    button("pause", () => acts.pause(entry)),
    button("go-on", () => acts.goOn(entry)),
    button("cancel", () => acts.cancel(entry)),
  );
  row.append(element("span", "upload-file-name", entry.name), element("span", "upload-file-share quiet"), buttons, bar, said);
  return row;
}

/** What a row says of its state, unless it has a sentence of its own. */
function words(entry) {
  const until = entry.expires ? new Date(entry.expires) : null;
  const when = until?.toLocaleString(document.documentElement.lang, { weekday: "long", hour: "numeric", minute: "2-digit" });
  return {
    chosen: "",
    queued: entry.held ? gettext("Waits until another upload of yours has ended.") : gettext("Waits for its turn."),
    sending: "",
    retrying: gettext("The connection broke. It goes on by itself as soon as the site can be reached; what has arrived is kept."),
    paused: gettext("Paused. What has arrived is kept."),
    checking: gettext("All of it has arrived. It is being taken in …"),
    waiting: entry.handle
      ? interpolate(gettext("Broken off. Press “Go on”, or choose or drop the same file again; kept until %s."), [when])
      : interpolate(gettext("Broken off. Choose or drop the same file again, and it goes on from here; kept until %s."), [when]),
    done: gettext("Arrived. It is being checked now; its card below shows how far it is."),
    failed: "",
  }[entry.state];
}

/** Bring the row up to date. `left`: seconds for this file, or null. */
export function showRow(entry, left) {
  const { row, state } = entry;
  const share = Math.floor((100 * entry.sent) / Math.max(1, entry.size));
  row.dataset.state = state;
  row.querySelector("progress").hidden = !(SHARE[state] || state === "checking") || (state === "queued" && !entry.sent);
  row.querySelector("progress").value = entry.sent / Math.max(1, entry.size);
  const figures = SHARE[state] && (entry.sent || state === "sending") ? [`${share} %`, size(entry.size)] : [size(entry.size)];
  if (state === "sending" && left !== null) figures.push(timeLeft(left));
  row.querySelector(".upload-file-share").textContent = state === "done" ? "✓" : figures.join(" · ");
  const shown = {
    pause: state === "sending" || state === "retrying" || state === "queued",
    "go-on": state === "paused" || (state === "waiting" && entry.handle) || Boolean(entry.asks),
    cancel: state !== "checking" && state !== "done",
  };
  for (const [name, visible] of Object.entries(shown)) row.querySelector(`[data-do=${name}]`).hidden = !visible;
  label(row, "pause", gettext("Pause"), entry.name);
  label(row, "go-on", entry.asks ? gettext("Upload anyway") : gettext("Go on"), entry.name);
  label(row, "cancel", state === "failed" ? gettext("Remove") : gettext("Cancel"), entry.name);
  say(row, entry.said || words(entry), state === "failed" ? "error" : state === "done" ? "good" : "note", entry.link);
}

function say(row, text, kind, link) {
  const line = row.querySelector(".upload-file-said");
  if (line.dataset.text === text) return;
  line.dataset.text = text;
  line.className = `upload-file-said form-${kind}`;
  line.textContent = text;
  line.hidden = !text;
  if (!link) return;
  const anchor = element("a", "", gettext("Go to that video"));
  anchor.href = link;
  line.append(" ", anchor);
}
