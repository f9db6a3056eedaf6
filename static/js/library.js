// The library: filters without leaving the page, progress of the cards shown, and what can be done to a card.

import { del, get, patch, post } from "./api.js";
import { every, refresh, tell, timeLeft } from "./base.js";
import { addPlayer, enliven, playersIn } from "./players.js";

const TYPING_MS = 250;
const QUIET_TURNS = 5; // with nothing being prepared, the cards are asked about so much more rarely

/** What decides how a card looks; the template writes the same into data-mark. */
export function mark(video) {
  const step = video.progress ?? { kind: "", waiting: "" };
  const waiting = step.waiting === "" ? "" : step.waiting ? "True" : "False";
  const error = video.error?.code ?? "";
  return [video.state, step.kind, waiting, error, video.mine.strokes, video.mine.to_decide].join("/");
}

function say(text) {
  document.getElementById("said").textContent = text;
}

/** Everything that shows the library anew; the search field keeps what is being typed. */
async function fresh() {
  let asked;
  do {
    asked = location.search; // whoever comes late with an older answer asks again
    await refresh("mine", "states", "cards");
  } while (asked !== location.search);
}

// -- Progress ---------------------------------------------------------------------------------------------------------
function show(card, progress) {
  if (!progress) return;
  const bar = card.querySelector(".card-work progress");
  if (bar) bar.value = progress.fraction;
  card.querySelector("[data-share]").textContent = progress.waiting ? "" : `${Math.round(100 * progress.fraction)} %`;
  card.querySelector("[data-left]").textContent = timeLeft(progress.left_s);
}

let turn = 0;
async function look() {
  turn += 1;
  if (turn % QUIET_TURNS === 0 && document.querySelector("[data-drawing]")) await refresh("practice-first");
  const cards = new Map([...document.querySelectorAll(".card")].map((card) => [card.dataset.id, card]));
  const working = document.querySelector(".card[data-working]");
  if (!cards.size || (!working && turn % QUIET_TURNS)) return;
  const videos = await get(`videos/?${new URLSearchParams([...cards.keys()].map((id) => ["ids", id]))}`);
  if (videos.length !== cards.size || videos.some((video) => cards.get(video.id).dataset.mark !== mark(video))) {
    await fresh();
    say(gettext("The list of videos has changed."));
    return;
  }
  for (const video of videos) show(cards.get(video.id), video.progress);
}

// -- Filters: all of them in the address ------------------------------------------------------------------------------
const filters = document.getElementById("filters");

/** Show what `address` asks for; a search that is still being typed is one step of going back. */
async function goTo(address, state = null) {
  if (address && state && history.state?.typing) history.replaceState(state, "", address);
  else if (address) history.pushState(state, "", address);
  const next = document.querySelector(".language [name=next]");
  if (next) next.value = location.pathname + location.search;
  await fresh();
  const n = document.querySelector("#states [aria-current] .state-n")?.textContent ?? "";
  say(interpolate(ngettext("%s video", "%s videos", Number(n)), [n]));
}

/** The fields say what the address says, after going back or pressing one of its links. */
function fill() {
  const asked = new URLSearchParams(location.search);
  for (const field of filters?.querySelectorAll("[name]") ?? []) {
    if (field !== document.activeElement || field.type !== "search") field.value = asked.get(field.name) ?? (field.name === "sort" ? "newest" : "");
    if (field.type === "hidden") field.disabled = !field.value;
  }
}

function asked() {
  const values = [...new FormData(filters)].filter(([name, value]) => value && (name !== "sort" || value !== "newest"));
  return `?${new URLSearchParams(values)}`;
}

function search(state = null) {
  if (asked() !== (location.search || "?")) goTo(asked(), state);
}

let typing = null;
if (filters) {
  filters.setAttribute("data-alive", "");
  filters.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  filters.addEventListener("change", () => search());
  filters.addEventListener("input", (event) => {
    if (event.target.type !== "search") return;
    clearTimeout(typing);
    typing = setTimeout(() => search({ typing: true }), TYPING_MS);
  });
}
window.addEventListener("popstate", () => {
  fill();
  goTo("");
});

// -- One card ---------------------------------------------------------------------------------------------------------
const deleting = document.getElementById("delete");
const editing = document.getElementById("edit");
const rows = document.getElementById("edit-rows");

function confirmDelete(card) {
  deleting.dataset.id = card.dataset.id;
  deleting.dataset.labelsToo = "0";
  deleting.querySelector("[data-title]").textContent = card.dataset.title;
  tell(deleting, "");
  deleting.showModal();
}

async function remove() {
  try {
    await del(`videos/${deleting.dataset.id}/?labels_too=${deleting.dataset.labelsToo}`);
    deleting.close();
    await fresh();
  } catch (failure) {
    // It holds marks: the sentence says how many, and a second press means them too.
    if (failure.code === "has_labels") deleting.dataset.labelsToo = "1";
    tell(deleting, failure.message);
  }
}

async function edit(card) {
  const video = await get(`videos/${card.dataset.id}/`);
  editing.dataset.id = video.id;
  editing.querySelector("[name=title]").value = video.title;
  rows.replaceChildren();
  for (const player of video.players) addPlayer(rows, player);
  if (!video.players.length) addPlayer(rows);
  tell(editing, "");
  editing.showModal();
}

async function save(event) {
  event.preventDefault();
  const change = { title: editing.querySelector("[name=title]").value, players: playersIn(rows) };
  try {
    await patch(`videos/${editing.dataset.id}/`, change);
    editing.close();
    await fresh();
    document.getElementById(`edit-${editing.dataset.id}`)?.focus();
  } catch (failure) {
    tell(editing, failure.message);
  }
}

/** Something that the server does to a card at one press. */
async function press(button, ask) {
  button.disabled = true;
  try {
    await ask(`videos/${button.closest(".card").dataset.id}/`);
    await fresh();
  } catch (failure) {
    say(failure.message);
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-look]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    history.pushState(null, "", link.getAttribute("href"));
    fill();
    const pages = link.closest(".pager");
    goTo("").then(() => pages && document.getElementById("filters").scrollIntoView());
    return;
  }
  const button = event.target.closest("button");
  const card = button?.closest(".card");
  if (!card) return;
  if ("delete" in button.dataset) confirmDelete(card);
  else if ("edit" in button.dataset) edit(card).catch((failure) => say(failure.message));
  else if ("unblind" in button.dataset) press(button, (video) => post(`${video}show_suggestions/`));
  else if ("again" in button.dataset) press(button, (video) => post(`${video}try_again/`));
  else if ("forget" in button.dataset) press(button, del);
});
deleting?.querySelector("[data-confirm]").addEventListener("click", remove);
editing.querySelector("form").addEventListener("submit", save);
editing.querySelector("[data-close]").addEventListener("click", () => editing.close());
editing.querySelector("[data-add]").addEventListener("click", () => addPlayer(rows).querySelector("input").focus());
enliven(rows);
document.addEventListener("topspin:uploaded", () => fresh().catch(() => {}));
every(2000, look);
post("me/visit/").catch(() => {});
every(600_000, () => post("me/visit/"));
