// The stroke browser's page: filters that send themselves, the grid, the reel, and coming back to the same place.

import { get } from "../api.js";
import { find } from "../workspace/dom.js";
import { attachCards } from "./cards.js";
import { Reel } from "./reel.js";
import { Sequence } from "./sequence.js";

const root = find("#strokes");
const form = find("#filters");
const { count, size, page, query, names } = root.dataset;

if (window.matchMedia("(max-width: 900px)").matches) {
  for (const filter of form.querySelectorAll(".filter")) filter.open = Boolean(filter.querySelector(":checked"));
}

form.addEventListener("change", (event) => {
  if (event.target.matches("input[type=checkbox], select, input[type=date]")) form.requestSubmit();
});
// A lasting address says what is asked for, and nothing else.
form.addEventListener("submit", () => {
  for (const field of form.elements) {
    if (field.name && !field.value) field.disabled = true;
    if (field.name === "order" && field.type === "hidden" && find("#order")) field.disabled = true;
  }
  const order = find("#order");
  if (order?.value === "new") order.disabled = true;
});
find("#order")?.addEventListener("change", () => form.requestSubmit());

/** The place within this page that coming back leads to: #stroke=<id>, or #reel=<id>&page=3. */
function remember(place) {
  const address = place ? `#${new URLSearchParams(place)}` : window.location.pathname + window.location.search;
  window.history.replaceState(null, "", address);
}

const { cards, leave } = attachCards(root);
for (const card of cards) card.addEventListener("click", () => remember({ stroke: card.dataset.id }));

const sequence = new Sequence({
  count: Number(count),
  size: Number(size),
  fetchPage: async (number) => (await get(`strokes/?${query}${query ? "&" : ""}page=${number}`)).strokes,
});
const reel = new Reel(find("#reel"), {
  sequence,
  names: JSON.parse(names),
  at: (stroke, number) => remember({ reel: stroke.id, page: number }),
  closed: (stroke) => {
    remember(stroke && { stroke: stroke.id });
    document.getElementById(`stroke-${stroke?.id}`)?.focus();
  },
});

const first = (Number(page) - 1) * Number(size);
function playFrom(index) {
  leave();
  reel.open(index);
}
find("#play-reel")?.addEventListener("click", () => playFrom(first));
root.addEventListener("keydown", (event) => {
  const at = cards.indexOf(event.target.closest(".stroke"));
  if (at < 0 || event.code !== "Space") return;
  event.preventDefault();
  playFrom(first + at);
});

async function comeBack() {
  const place = new URLSearchParams(window.location.hash.slice(1));
  if (place.get("reel")) playFrom(await sequence.find(place.get("reel"), Number(place.get("page")) || 1));
  else document.getElementById(`stroke-${place.get("stroke")}`)?.focus();
}
comeBack();
// Kept as it was by the browser: only the focus is missing.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && !reel.dialog.open) comeBack();
});
root.dataset.ready = "true";
