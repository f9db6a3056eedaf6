// The library: progress of every video every two seconds, fresh cards when something has changed, deleting.

import { del, get, post } from "./api.js";
import { every, refresh, tell, timeLeft } from "./base.js";

/** What decides how a card looks; the template writes the same into data-mark. */
export function mark(video) {
  const step = video.progress ?? { kind: "", waiting: "" };
  const waiting = step.waiting === "" ? "" : step.waiting ? "True" : "False";
  const error = video.error?.code ?? "";
  return [video.state, step.kind, waiting, error, video.mine.strokes, video.mine.to_decide].join("/");
}

function show(card, progress) {
  const bar = card.querySelector(".card-work progress");
  if (!bar || !progress) return;
  bar.value = progress.fraction;
  card.querySelector("[data-left]").textContent = timeLeft(progress.left_s);
}

function changed(videos) {
  const cards = new Map([...document.querySelectorAll(".card")].map((card) => [card.dataset.id, card]));
  if (cards.size !== videos.length) return true;
  return videos.some((video) => cards.get(video.id)?.dataset.mark !== mark(video));
}

function say(text) {
  document.getElementById("said").textContent = text;
}

async function look() {
  const videos = await get("videos/");
  if (changed(videos)) {
    await refresh("cards");
    say(gettext("The list of videos has changed."));
    return;
  }
  for (const video of videos) show(document.getElementById(`video-${video.id}`), video.progress);
}

function confirmDelete(card) {
  const dialog = document.getElementById("delete");
  dialog.dataset.id = card.dataset.id;
  dialog.dataset.labelsToo = "0";
  dialog.querySelector("[data-title]").textContent = card.dataset.title;
  tell(dialog, "");
  dialog.showModal();
}

async function remove(dialog) {
  try {
    await del(`videos/${dialog.dataset.id}/?labels_too=${dialog.dataset.labelsToo}`);
    dialog.close();
    await refresh("cards");
  } catch (failure) {
    // It holds marks: the sentence says how many, and a second press means them too.
    if (failure.code === "has_labels") dialog.dataset.labelsToo = "1";
    tell(dialog, failure.message);
  }
}

async function leaveBlindPool(button) {
  button.disabled = true;
  try {
    await post(`videos/${button.closest(".card").dataset.id}/show_suggestions/`);
    await refresh("cards");
  } catch (failure) {
    say(failure.message);
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-delete]");
  if (button) confirmDelete(button.closest(".card"));
  const unblind = event.target.closest("[data-unblind]");
  if (unblind) leaveBlindPool(unblind);
});
const dialog = document.getElementById("delete");
dialog?.querySelector("[data-confirm]").addEventListener("click", () => remove(dialog));
document.addEventListener("topspin:uploaded", () => look().catch(() => {}));
every(2000, look);
