// Uploads: by button or by dropping, one file after another, each with its progress and one plain sentence at the end.

import { ApiError, address, csrfToken, errorFrom, offline } from "./api.js";
import { size } from "./base.js";

const DISK_FACTOR = 3; // a video and all that is made from it take about three times its size
const panel = document.getElementById("upload");
const form = document.getElementById("upload-form");
const list = document.getElementById("upload-list");
const start = document.getElementById("upload-start");
const waiting = []; // {file, row}
let sending = false;

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Send one file; `progress` is told the fraction sent. Resolves with the video, rejects with an ApiError. */
function send(file, query, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(`videos/upload/?${query}`));
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => progress(event.loaded / Math.max(1, event.total)));
    request.addEventListener("load", () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText));
      else reject(errorFrom(request.status, request.responseText));
    });
    request.addEventListener("error", () => reject(offline()));
    request.send(file);
  });
}

function players() {
  const value = (row, name) => row.querySelector(`[name=${name}]`).value.trim();
  const one = (row) => Object.fromEntries(["pseudonym", "hand", "side"].map((name) => [name, value(row, name)]));
  const rows = [...document.querySelectorAll("#upload-rows .upload-player")];
  return rows.map(one).filter((player) => player.pseudonym);
}

function say(entry, text, kind, link = null) {
  const line = entry.row.querySelector(".upload-file-said");
  line.className = `upload-file-said form-${kind}`;
  line.textContent = text;
  line.hidden = false;
  if (link) {
    const anchor = element("a", "", gettext("Go to that video"));
    anchor.href = link;
    line.append(" ", anchor);
  }
}

async function sendOne(entry) {
  const { file, row } = entry;
  const bar = row.querySelector("progress");
  const share = row.querySelector(".upload-file-share");
  row.querySelector("button").hidden = true;
  bar.hidden = false;
  const query = new URLSearchParams({ name: file.name, players: JSON.stringify(players()) });
  if (form.taxonomy.value) query.set("taxonomy", form.taxonomy.value);
  try {
    await send(file, query, (fraction) => {
      bar.value = fraction;
      share.textContent = `${Math.floor(100 * fraction)} %`;
    });
    share.textContent = "✓";
    say(entry, gettext("Arrived. It is being checked now; its card below shows how far it is."), "good");
    document.dispatchEvent(new CustomEvent("topspin:uploaded"));
  } catch (failure) {
    if (!(failure instanceof ApiError)) throw failure;
    share.textContent = "";
    const id = failure.code === "already_here" ? failure.body?.params?.id : null;
    say(entry, failure.message, "error", id ? `/videos/${id}/` : null);
  } finally {
    bar.hidden = true;
  }
}

async function sendAll(event) {
  event.preventDefault();
  if (sending) return;
  sending = true;
  update();
  while (waiting.length) await sendOne(waiting.shift());
  sending = false;
  update();
}

function update() {
  const bytes = waiting.reduce((sum, entry) => sum + entry.file.size, 0);
  start.disabled = sending || waiting.length === 0;
  const many = ngettext("Upload %s video", "Upload %s videos", waiting.length);
  start.textContent = waiting.length < 2 ? gettext("Upload") : interpolate(many, [waiting.length]);
  document.getElementById("upload-room").textContent = bytes
    ? interpolate(gettext("will take about %s of disk in the end"), [size(bytes * DISK_FACTOR)])
    : "";
}

function add(file) {
  const row = element("li", "upload-file");
  const entry = { file, row };
  const remove = element("button", "button button-quiet button-small", "×");
  remove.type = "button";
  remove.setAttribute("aria-label", interpolate(gettext("Do not upload %s"), [file.name]));
  remove.addEventListener("click", () => {
    waiting.splice(waiting.indexOf(entry), 1);
    row.remove();
    update();
  });
  const bar = element("progress", "");
  bar.max = 1;
  bar.value = 0;
  bar.hidden = true;
  bar.setAttribute("aria-label", file.name);
  const said = element("p", "upload-file-said");
  said.hidden = true;
  const name = element("span", "upload-file-name", file.name);
  row.append(name, element("span", "upload-file-share quiet", size(file.size)), remove, bar, said);
  list.append(row);
  const limit = Number(panel.dataset.max);
  const tooLarge = gettext("This file is larger than this site takes (%s). Cut it into parts and upload those.");
  if (file.size === 0) say(entry, gettext("This file is empty. Please choose another one."), "error");
  else if (file.size > limit) say(entry, interpolate(tooLarge, [size(limit)]), "error");
  else waiting.push(entry);
}

function choose(files) {
  open(true);
  for (const file of files) add(file);
  update();
}

function open(shown) {
  panel.hidden = !shown;
  document.getElementById("upload-open").setAttribute("aria-expanded", String(shown));
}

function addPlayer() {
  const copy = document.getElementById("upload-player").content.cloneNode(true);
  document.getElementById("upload-rows").append(copy);
}

/** A player known here already brings the hand along. */
function fillHand(event) {
  if (event.target.name !== "pseudonym") return;
  const known = document.querySelector(`#known-players option[value="${CSS.escape(event.target.value)}"]`);
  if (known) event.target.closest(".upload-player").querySelector("[name=hand]").value = known.dataset.hand;
}

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}

document.getElementById("upload-open").addEventListener("click", () => {
  open(true);
  panel.querySelector("#upload-input").focus();
});
document.getElementById("upload-close")?.addEventListener("click", () => open(false));
document.getElementById("upload-add").addEventListener("click", addPlayer);
document.getElementById("upload-input").addEventListener("change", (event) => {
  choose(event.target.files);
  event.target.value = "";
});
form.addEventListener("submit", sendAll);
form.addEventListener("change", fillHand);
form.addEventListener("click", (event) => {
  if (event.target.closest("[data-remove]")) event.target.closest(".upload-player").remove();
});
document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  choose(event.dataTransfer.files);
});
window.addEventListener("beforeunload", (event) => {
  if (sending) event.preventDefault();
});
addPlayer();
update();
