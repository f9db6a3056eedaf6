// Before a video can be watched: what is being done to it, how far it is, and when something went wrong, what.

import { get } from "../api.js";
import { find, write } from "./dom.js";
import { fill, gettext } from "./i18n.js";

const ASK_MS = 2000;
const WATCHABLE = ["watchable", "prepared"];

const pause = (ms) => new Promise((resolve) => window.setTimeout(resolve, ms));

function left(seconds) {
  if (!seconds) return "";
  if (seconds < 90) return fill(gettext("about %(n)s s left"), { n: Math.ceil(seconds) });
  return fill(gettext("about %(n)s min left"), { n: Math.ceil(seconds / 60) });
}

/** The workspace's state as soon as labelling can begin; null when it never will. */
export async function waitUntilWatchable(id) {
  const panel = find("#waiting");
  const text = find("#waiting-text");
  const bar = find("progress", panel);
  for (;;) {
    try {
      const body = await get(`videos/${id}/workspace/`);
      const { state, progress, error } = body.video;
      if (WATCHABLE.includes(state)) {
        panel.hidden = true;
        return body;
      }
      if (state === "refused" || error) {
        write(text, error?.message ?? gettext("This video could not be prepared."));
        bar.hidden = true;
        if (state === "refused") return null;
      } else {
        const what = gettext("The video is being made ready for the browser. You can start as soon as this is done.");
        write(text, [what, left(progress?.left_s)].filter(Boolean).join("\n"));
        bar.hidden = false;
        if (progress?.fraction) bar.value = progress.fraction;
        else bar.removeAttribute("value");
      }
    } catch (failure) {
      write(text, failure.message);
      bar.hidden = true;
      if (failure.status === 404 || failure.status === 403) return null;
    }
    panel.hidden = false;
    await pause(ASK_MS);
  }
}
