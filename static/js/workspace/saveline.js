// The line that is always there: how much is unsent, what holds it up, and when the last save was.

import { write } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";

/** What holds work up, worst first. */
const WORST = ["signed-out", "shut", "waiting", "stale", "sending"];

/** Over one outbox, or over those of several videos. */
export function showLine(line, outboxes, language) {
  const n = outboxes.reduce((sum, each) => sum + each.unsent, 0);
  const unkept = outboxes.reduce((sum, each) => sum + each.unkept, 0);
  const worst = WORST.find((status) => outboxes.some((each) => each.status === status)) ?? "saved";
  const savedAt = outboxes.map((each) => each.savedAt).filter(Boolean).sort().at(-1);
  line.dataset.unsent = String(n);
  line.dataset.unkept = String(unkept);
  line.dataset.status = worst;
  line.title = worst === "saved" ? "" : (outboxes.find((each) => each.problem)?.problem ?? "");
  const kept = outboxes.every((each) => each.durable) || !unkept;
  line.toggleAttribute("data-lost", !kept);
  write(line, [count(n), kept ? n && why(worst) : lost(), saved(savedAt, n, language)].filter(Boolean).join(" · "));
}

const count = (n) => (n ? fill(ngettext("%(n)s unsent", "%(n)s unsent", n), { n }) : "");
const lost = () => gettext("this browser keeps nothing: leave the page open");

const why = (status) =>
  ({
    waiting: gettext("trying again"),
    "signed-out": gettext("sign in again to send"),
    shut: gettext("kept here: the video is closed"),
    stale: gettext("two versions: choose"),
  })[status];

function saved(at, unsent, language) {
  if (!at) return unsent ? "" : gettext("all saved");
  const digits = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  return fill(gettext("saved %(time)s"), { time: new Intl.DateTimeFormat(language, digits).format(new Date(at)) });
}
