// Folders: the files of a drop, folders walked, each with its lasting handle where the browser lends one.

import { looksLikeVideo } from "./kinds.js";

async function walkHandle(handle, found, inside) {
  if (handle.kind === "file") {
    if (inside && !looksLikeVideo(handle.name)) return;
    found.push({ file: await handle.getFile(), handle });
    return;
  }
  for await (const each of handle.values()) await walkHandle(each, found, true);
}

function listed(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

async function walkEntry(entry, found, inside) {
  if (entry.isFile) {
    if (inside && !looksLikeVideo(entry.name)) return;
    found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), handle: null });
    return;
  }
  const reader = entry.createReader();
  for (let some = await listed(reader); some.length; some = await listed(reader)) {
    for (const each of some) await walkEntry(each, found, true);
  }
}

/** All files of a drop as {file, handle}; inside folders only what looks like a video. Ask while the event is handled. */
export async function dropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const files = [...transfer.files];
  const asked = items.map((item) => [item.getAsFileSystemHandle?.(), item.webkitGetAsEntry?.()]);
  const found = [];
  for (const [at, [promise, entry]] of asked.entries()) {
    const handle = await Promise.resolve(promise).catch(() => null);
    if (handle) await walkHandle(handle, found, false);
    else if (entry) await walkEntry(entry, found, false);
    else if (files[at]) found.push({ file: files[at], handle: null });
  }
  return found.length || items.length ? found : files.map((file) => ({ file, handle: null }));
}

/** Files chosen by the browser's picker that lends handles; null where it has none, [] if nothing was chosen. */
export async function picked() {
  if (!globalThis.showOpenFilePicker) return null;
  const types = [{ description: gettext("Videos"), accept: { "video/*": [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"] } }];
  try {
    const handles = await globalThis.showOpenFilePicker({ multiple: true, types, id: "videos" });
    return Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle })));
  } catch (failure) {
    if (failure.name === "AbortError") return [];
    return null;
  }
}
