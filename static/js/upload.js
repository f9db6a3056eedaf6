// Uploads: files chosen or dropped become rows, two at a time are sent, and what was broken off goes on with the same file.

import { ApiError } from "./api.js";
import { size, timeLeft } from "./base.js";
import { addPlayer, enliven, playersIn } from "./players.js";
import { Pace, same, startable, total } from "./upload/flow.js";
import { dropped, picked } from "./upload/folders.js";
import { fileOf, forget, keep, kept } from "./upload/handles.js";
import { HEAD, objection } from "./upload/kinds.js";
import { makeRow, showRow } from "./upload/rows.js";
import { Transfer, begin, giveUp, settle, underWay } from "./upload/transfer.js";

const DISK_FACTOR = 3; // a video and all that is made from it take about three times its size
const panel = document.getElementById("upload");
const form = document.getElementById("upload-form");
const list = document.getElementById("upload-list");
const start = document.getElementById("upload-start");
const players = document.getElementById("upload-rows");
const pace = new Pace();
const entries = []; // {name, size, sent, state, file, handle, url, id, transfer, row, said, link, asks, held, about, expires}

// -- What the page shows ----------------------------------------------------------------------------------------------
function show() {
  const all = total(entries);
  pace.add(Date.now(), entries.reduce((sum, entry) => sum + entry.sent, 0));
  const sending = entries.filter((entry) => entry.state === "sending").length;
  for (const entry of entries) showRow(entry, sending ? pace.left((entry.size - entry.sent) * sending) : null);
  const line = document.getElementById("upload-total");
  line.hidden = !all.going || all.files < 1;
  const left = timeLeft(pace.left(all.bytes - all.sent));
  const share = `${Math.floor((100 * all.sent) / Math.max(1, all.bytes))} %`;
  const counted = interpolate(ngettext("%s of %s file", "%s of %s files", all.files), [all.done, all.files]);
  line.querySelector("[data-figures]").textContent = [counted, share, left].filter(Boolean).join(" · ");
  const chosen = entries.filter((entry) => entry.state === "chosen" && !entry.asks);
  start.disabled = chosen.length === 0;
  const many = ngettext("Upload %s video", "Upload %s videos", chosen.length);
  start.textContent = chosen.length < 2 ? gettext("Upload") : interpolate(many, [chosen.length]);
  const bytes = chosen.reduce((sum, entry) => sum + entry.size, 0);
  const room = interpolate(gettext("will take about %s of disk in the end"), [size(bytes * DISK_FACTOR)]);
  document.getElementById("upload-room").textContent = bytes ? room : "";
}

function open(shown) {
  panel.hidden = !shown;
  document.getElementById("upload-open").setAttribute("aria-expanded", String(shown));
}

function add(values) {
  const entry = { sent: 0, state: "chosen", said: "", link: null, held: false, asks: false, handle: null, ...values };
  entry.row = makeRow(entry, { pause, goOn, cancel });
  entries.push(entry);
  list.append(entry.row);
  return entry;
}

function drop(entry) {
  entries.splice(entries.indexOf(entry), 1);
  entry.row.remove();
  if (entry.id) forget(entry.id);
}

function end(entry, state, said = "", link = null) {
  Object.assign(entry, { state, said, link });
  if (state === "done") entry.sent = entry.size;
  if (entry.id && state === "done") forget(entry.id);
  for (const other of entries) other.held = false;
  next();
}

// -- One file on its way ----------------------------------------------------------------------------------------------
function became(entry, shown) {
  if (shown.state === "done") {
    end(entry, "done");
    document.dispatchEvent(new CustomEvent("topspin:uploaded"));
    return;
  }
  end(entry, "failed", shown.error.message, linkOf(shown.error));
}

function linkOf(problem) {
  return problem?.code === "already_here" ? `/videos/${problem.params.id}/` : null;
}

/** A failure that is not for this file but for its turn: too many at once, signed out. Else it is said in its row. */
function stopped(entry, failure) {
  if (!(failure instanceof ApiError)) throw failure;
  if (failure.code === "too_many_uploads") Object.assign(entry, { state: "queued", held: true });
  else if (failure.status === 401) Object.assign(entry, { state: "paused", said: "", signedOut: true });
  else if (failure.status === 0) Object.assign(entry, { state: "retrying" }), setTimeout(() => send(entry), 5000);
  else end(entry, "failed", failure.message, linkOf(failure.body));
  show();
}

function on(entry) {
  const update = (values) => Object.assign(entry, values) && show();
  return {
    sent: (sent) => update({ sent, state: sent === entry.size ? "checking" : "sending" }),
    trouble: () => update({ state: "retrying" }),
    ended: (shown) => became(entry, shown),
    failed: (failure) => stopped(entry, failure),
    gone: () => update({ transfer: null, sent: 0 }) || send(entry),
  };
}

async function send(entry) {
  entry.state = "sending";
  show();
  try {
    if (!entry.transfer) {
      const begun = await begin(entry.file, entry.about);
      Object.assign(entry, { id: begun.id, url: begun.url, expires: begun.expires, sent: begun.offset });
      if (entry.handle) await keep(begun.id, entry.handle);
      entry.transfer = new Transfer(entry.file, begun.url, on(entry));
      if (begun.twin && !entry.sure) return ask(entry, begun.twin);
    }
    if (entry.state === "sending") entry.transfer.start();
  } catch (failure) {
    stopped(entry, failure);
  }
  return show();
}

/** Something here has exactly the same size: let its owner look before a long upload. */
function ask(entry, twin) {
  const text = interpolate(gettext("“%s”, which is here, has exactly the same size: this may be the very same file."), [twin.title]);
  Object.assign(entry, { state: "paused", asks: true, said: text, link: `/videos/${twin.id}/` });
  next();
}

function next() {
  for (const entry of startable(entries).filter((each) => !each.held)) send(entry);
  show();
}

async function pause(entry) {
  entry.state = "paused";
  await entry.transfer?.pause();
  next();
}

async function goOn(entry) {
  if (entry.state === "waiting") {
    const file = await fileOf(entry.handle, true);
    if (!file || !same({ name: entry.name, bytes: entry.size, modified: entry.modified }, file)) {
      Object.assign(entry, { said: gettext("This file was moved or changed. Choose it again, or cancel.") });
      return show();
    }
    entry.file = file;
  }
  Object.assign(entry, { state: "queued", said: "", link: null, sure: true, asks: false });
  return next();
}

async function cancel(entry) {
  const was = entry.state;
  try {
    if (entry.transfer) await entry.transfer.cancel();
    else if (entry.url && was !== "failed") await giveUp(entry.url);
  } catch (failure) {
    if (failure.status !== 404) return stopped(entry, failure);
  }
  drop(entry);
  for (const other of entries) other.held = false;
  return next();
}

// -- Files come in ----------------------------------------------------------------------------------------------------
async function choose(found) {
  open(true);
  for (const { file, handle } of found) {
    const begun = entries.find((entry) => entry.state === "waiting" && same({ ...entry, bytes: entry.size }, file));
    if (begun) {
      Object.assign(begun, { file, handle, state: "queued", said: "", sure: true });
      continue;
    }
    const twice = entries.some((entry) => entry.file && entry.state !== "failed" && same({ ...entry, bytes: entry.size }, file));
    if (twice) continue;
    const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
    const against = objection(file.size, head, { limit: Number(panel.dataset.max), say: size });
    const entry = add({ name: file.name, size: file.size, modified: file.lastModified, file, handle });
    if (against) Object.assign(entry, { state: "failed", said: against, file: null });
  }
  next();
}

function startChosen(event) {
  event.preventDefault();
  const about = { players: playersIn(players), taxonomy: form.taxonomy.value };
  for (const entry of entries) if (entry.state === "chosen") Object.assign(entry, { state: "queued", about });
  next();
}

/** What was broken off, by the server's list: goes on by itself where the file is still in hand, else says what to do. */
async function resume() {
  const broken = await underWay();
  for (const shown of broken) {
    const { name, bytes, modified, id, url, offset, expires } = shown;
    const entry = add({ name, size: bytes, modified, id, url, expires, sent: offset, state: "waiting", sure: true });
    if (shown.state === "whole") {
      entry.state = "checking";
      settle(url).then((ended) => became(entry, ended), (failure) => stopped(entry, failure));
      continue;
    }
    entry.handle = await kept(id);
    entry.file = entry.handle && (await fileOf(entry.handle, false));
    if (entry.file && same({ name, bytes, modified }, entry.file)) entry.state = "queued";
  }
  if (broken.length) open(true);
  next();
}

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}

document.getElementById("upload-open").addEventListener("click", () => {
  open(true);
  panel.querySelector("#upload-input").focus();
});
document.getElementById("upload-close")?.addEventListener("click", () => open(false));
document.getElementById("upload-add").addEventListener("click", () => addPlayer(players).querySelector("input").focus());
document.getElementById("upload-input").addEventListener("click", async (event) => {
  if (!globalThis.showOpenFilePicker) return;
  event.preventDefault(); // the picker that lends lasting handles
  await choose((await picked()) ?? []);
});
document.getElementById("upload-input").addEventListener("change", (event) => {
  choose([...event.target.files].map((file) => ({ file, handle: null })));
  event.target.value = "";
});
form.addEventListener("submit", startChosen);
document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  await choose(await dropped(event.dataTransfer));
});
document.addEventListener("topspin:signed-in", () => {
  for (const entry of entries) if (entry.signedOut) Object.assign(entry, { state: "queued", signedOut: false });
  next();
});
window.addEventListener("beforeunload", (event) => {
  if (total(entries).going) event.preventDefault();
});
enliven(players);
addPlayer(players);
setInterval(() => total(entries).going && show(), 1000);
show();
resume().catch(() => {}).finally(() => form.setAttribute("data-ready", ""));
