// Handles: where the browser lends lasting hold of a chosen file, it is kept, so that an upload goes on without choosing again.

const NAME = "topspin-uploads";
const STORE = "handles";

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** One request in one transaction; null where the browser keeps nothing (private windows, full disks). */
async function ask(mode, work) {
  try {
    const base = await open();
    const result = await new Promise((resolve, reject) => {
      const change = base.transaction(STORE, mode);
      const request = work(change.objectStore(STORE));
      change.oncomplete = () => resolve(request.result);
      change.onabort = () => reject(change.error);
    });
    base.close();
    return result ?? null;
  } catch {
    return null;
  }
}

export const keep = (id, handle) => ask("readwrite", (store) => store.put(handle, id));
export const forget = (id) => ask("readwrite", (store) => store.delete(id));
export const kept = (id) => ask("readonly", (store) => store.get(id));

/** The file behind a handle if it may be read; `asking` only while a press is being answered. */
export async function fileOf(handle, asking) {
  try {
    const wanted = { mode: "read" };
    let allowed = (await handle.queryPermission?.(wanted)) ?? "granted";
    if (allowed !== "granted" && asking) allowed = await handle.requestPermission(wanted);
    return allowed === "granted" ? await handle.getFile() : null;
  } catch {
    return null; // moved or deleted meanwhile
  }
}
