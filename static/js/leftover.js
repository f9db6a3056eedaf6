// On the Videos page: what this person did and the server does not have yet, lying in this browser from earlier visits.

import { get } from "./api.js";
import { h } from "./workspace/dom.js";
import { fill, gettext, ngettext } from "./workspace/i18n.js";
import { leftOver, shelf } from "./workspace/storage.js";

const user = Number(document.querySelector("#sign-in-again form").dataset.person);

const openHere = (n, title) =>
  fill(ngettext("%(n)s edit of “%(title)s” is only in this browser so far.", "%(n)s edits of “%(title)s” are only in this browser so far.", n), { n, title });
const closed = (n) =>
  fill(ngettext("%(n)s edit of a video that is gone, or closed to you, is kept in this browser.", "%(n)s edits of a video that is gone, or closed to you, are kept in this browser.", n), { n });

/** The video, or null when it is gone or closed to this person; throws when that cannot be known now. */
async function lookFor(id) {
  try {
    return await get(`videos/${id}/`);
  } catch (error) {
    if ([403, 404, 410].includes(error.status)) return null;
    throw error;
  }
}

async function download(id) {
  const kept = shelf(user, id);
  const [unsent, aside] = await Promise.all([kept.load(), kept.asides()]);
  const text = JSON.stringify({ format: "topspin-unsent", version: 1, video: id, unsent, aside }, null, 2);
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: `topspin-unsent-${id}.json` });
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function discard(id, line) {
  const kept = shelf(user, id);
  const [unsent, aside] = await Promise.all([kept.load(), kept.asides()]);
  await kept.drop(unsent.map((op) => op.id));
  await kept.dropAside(aside.map(({ op }) => op.id));
  line.remove();
}

function button(text, work) {
  const made = h("button.button.button-small", { type: "button" }, text);
  made.addEventListener("click", work);
  return made;
}

function row({ video: id, unsent, aside }, video) {
  const n = unsent + aside;
  const line = h("p.leftover", { role: "status" }, h("span", {}, video ? openHere(n, video.title) : closed(n)));
  if (video) line.append(h("a.button.button-small", { href: `/videos/${id}/` }, gettext("Open the video")));
  line.append(button(gettext("Download"), () => download(id)));
  if (!video) line.append(button(gettext("Discard"), () => discard(id, line)));
  return line;
}

async function show() {
  for (const entry of await leftOver(user)) {
    const video = await lookFor(entry.video).catch(() => undefined);
    if (video !== undefined) document.querySelector(".page-head").after(row(entry, video));
  }
}

show().catch(() => {}); // a browser without storage has nothing left over
