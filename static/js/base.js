// On every page: signing in again in place, and what pages share (fresh parts of a page, figures in words).

import { get, onSignedOut, post } from "./api.js";

/** The current page as the server shows it now; replaces the elements with the given ids and returns them. */
export async function refresh(...ids) {
  const fresh = new DOMParser().parseFromString(await get(location.pathname + location.search), "text/html");
  const replaced = [];
  for (const id of ids) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old || !now) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(now);
    if (focused) document.getElementById(focused)?.focus();
    replaced.push(now);
  }
  return replaced;
}

/** Seconds that work still takes, as people say it; the same words as the server's. */
export function timeLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return gettext("less than a minute left");
  if (seconds < 3600) return interpolate(gettext("about %s min left"), [Math.round(seconds / 60)]);
  return interpolate(gettext("about %s h left"), [(seconds / 3600).toFixed(1)]);
}

/** Bytes as people say it. */
export function size(bytes) {
  const units = [gettext("bytes"), gettext("KB"), gettext("MB"), gettext("GB")];
  let place = 0;
  let value = bytes;
  while (value >= 1024 && place < units.length - 1) {
    value /= 1024;
    place += 1;
  }
  const digits = place > 0 && value < 10 ? 1 : 0;
  const shown = value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits });
  return `${shown} ${units[place]}`;
}

/** Do `work` every `milliseconds` while the page can be seen, one after another, also after failures. */
export function every(milliseconds, work) {
  const turn = async () => {
    if (!document.hidden) await work().catch(() => {});
    setTimeout(turn, milliseconds);
  };
  setTimeout(turn, milliseconds);
}

/** Show a sentence in the `.form-error` (or `.form-good`) inside `place`; an empty one hides it. */
export function tell(place, text, kind = "error") {
  const line = place.querySelector(`.form-${kind}`);
  line.textContent = text;
  line.hidden = !text;
}

async function signIn(event) {
  event.preventDefault();
  const dialog = document.getElementById("sign-in-again");
  const form = event.target;
  tell(form, "");
  try {
    const { user } = await post("session/", { username: form.username.value, password: form.password.value });
    form.password.value = "";
    dialog.close();
    // Somebody else sat down: this page shows the other person's work, so it begins anew.
    if (user.name !== form.dataset.user) location.reload();
    else document.dispatchEvent(new CustomEvent("topspin:signed-in"));
    tabs.postMessage(user.name);
  } catch (failure) {
    tell(form, failure.message);
    form.password.select();
  }
}

const dialog = document.getElementById("sign-in-again");
const tabs = new BroadcastChannel("topspin-session");
if (dialog) {
  const form = dialog.querySelector("form");
  form.addEventListener("submit", signIn);
  onSignedOut((error) => {
    if (!dialog.open) dialog.showModal();
    tell(form, error.code === "other_person" ? error.message : "");
  });
  tabs.addEventListener("message", ({ data }) => {
    if (!dialog.open || data !== form.dataset.user) return;
    dialog.close();
    document.dispatchEvent(new CustomEvent("topspin:signed-in"));
  });
}
