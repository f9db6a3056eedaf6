// The grid of strokes: a thumbnail near each stroke's middle, a loop while a card is looked at, arrows from card to card.

import { get } from "../api.js";
import { Clip } from "../loops/clip.js";
import { tableOf } from "../loops/tables.js";

const WAIT_MS = 180;
const sheets = new Map();

function sheetOf(video) {
  if (!sheets.has(video)) sheets.set(video, get(`/media/${video}/thumbs.json`).catch(() => null));
  return sheets.get(video);
}

/** Where thumbnail number `k` stands in its sheet, as background size and position in percent of the box it fills. */
export function cell(sheet, seconds) {
  const k = Math.min(sheet.count - 1, Math.max(0, Math.floor(seconds / sheet.every_s)));
  const rows = Math.ceil(sheet.count / sheet.columns);
  const place = (at, of) => (of > 1 ? (at / (of - 1)) * 100 : 0);
  return {
    size: `${sheet.columns * 100}% ${rows * 100}%`,
    position: `${place(k % sheet.columns, sheet.columns)}% ${place(Math.floor(k / sheet.columns), rows)}%`,
  };
}

async function thumbnail(card) {
  const sheet = await sheetOf(card.dataset.video);
  if (!sheet) return;
  const { size, position } = cell(sheet, Number(card.dataset.at));
  const picture = card.querySelector(".stroke-picture");
  picture.style.backgroundImage = `url("/media/${card.dataset.video}/thumbs.jpg")`;
  picture.style.backgroundSize = size;
  picture.style.backgroundPosition = position;
  picture.classList.add("has-thumb");
}

export function attachCards(root) {
  const cards = [...root.querySelectorAll(".stroke")];
  let looked = null;
  let clip = null;
  let timer = null;

  async function look(card) {
    if (looked === card) return;
    leave();
    looked = card;
    timer = window.setTimeout(() => play(card), WAIT_MS);
  }

  async function play(card) {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const table = await tableOf(card.dataset.video).catch(() => null);
    if (!table || looked !== card) return;
    const span = { begin: Number(card.dataset.begin), end: Number(card.dataset.end) };
    clip = new Clip({ video: card.dataset.video, table, span, on: { frame: () => card.classList.add("is-playing") } });
    card.querySelector(".stroke-picture").append(clip.element);
    clip.play();
  }

  function leave() {
    window.clearTimeout(timer);
    clip?.drop();
    looked?.classList.remove("is-playing");
    clip = null;
    looked = null;
  }

  for (const card of cards) {
    thumbnail(card);
    card.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && look(card));
    card.addEventListener("pointerleave", leave);
    card.addEventListener("focus", () => look(card));
    card.addEventListener("blur", leave);
  }
  root.addEventListener("keydown", (event) => {
    const at = cards.indexOf(event.target.closest(".stroke"));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const across = cards.filter((card) => card.offsetTop === cards[0].offsetTop).length || 1;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.code];
    if (!step || !cards[at + step]) return;
    event.preventDefault();
    cards[at + step].focus();
  });
  return { cards, leave };
}
