// The outbox's shelf: IndexedDB, one record per operation, per person and video; what was set aside; leases for a lock.

const NAME = "topspin-outbox";
const VERSION = 2;
const OPS = "ops";
const ASIDE = "aside";
const LEASES = "leases";

function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

function make(database) {
  const has = (name) => database.objectStoreNames.contains(name);
  if (!has(OPS)) {
    const store = database.createObjectStore(OPS, { keyPath: "number", autoIncrement: true });
    store.createIndex("place", "place");
    store.createIndex("id", "op.id", { unique: true });
  }
  if (!has(ASIDE)) database.createObjectStore(ASIDE, { keyPath: "op.id" }).createIndex("place", "place");
  if (!has(LEASES)) database.createObjectStore(LEASES);
}

let database = null;

/** One connection for the page. A tab with older code may hold the old version open: then nothing is kept, and that is said. */
function connection() {
  database ??= new Promise((resolve, reject) => {
    const opening = window.indexedDB.open(NAME, VERSION);
    const forget = () => {
      database = null;
    };
    opening.onupgradeneeded = () => make(opening.result);
    opening.onblocked = () => reject(new Error("an older tab holds the storage"));
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      opening.result.onversionchange = () => {
        opening.result.close();
        forget();
      };
      opening.result.onclose = forget;
      resolve(opening.result);
    };
  });
  database.catch(() => {
    database = null;
  });
  return database;
}

async function within(stores, mode, work) {
  const transaction = (await connection()).transaction(stores, mode, { durability: "strict" });
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
  });
  done.catch(() => {}); // told by `work` first, where it fails
  const result = await work(...stores.map((name) => transaction.objectStore(name)));
  await done;
  return result;
}

async function removeOps(store, ids) {
  const keys = await Promise.all(ids.map((id) => request(store.index("id").getKey(id))));
  for (const key of keys) if (key !== undefined) store.delete(key);
}

/** The operations of `user` on `video`. Every promise resolves when the data is on disk. */
export function shelf(user, video) {
  const place = `${user}/${video}`;
  const all = (name) => within([name], "readonly", (store) => request(store.index("place").getAll(place)));
  return {
    load: async () => (await all(OPS)).map((row) => row.op),
    /** Keep `ops` and forget those of `dropped`, together or not at all. */
    put: (ops, dropped = []) =>
      within([OPS], "readwrite", async (store) => {
        if (dropped.length) await removeOps(store, dropped);
        const keys = await Promise.all(ops.map((op) => request(store.index("id").getKey(op.id))));
        ops.forEach((op, at) => {
          if (keys[at] === undefined) store.add({ place, op }); // another tab may have kept it already
        });
      }),
    drop: (ids) => within([OPS], "readwrite", (store) => removeOps(store, ids)),
    asides: () => all(ASIDE),
    /** Move operations out of the queue; entries are {op, why, at}. */
    setAside: (entries) =>
      within([OPS, ASIDE], "readwrite", async (queue, aside) => {
        for (const entry of entries) aside.put({ place, ...entry });
        await removeOps(queue, entries.map(({ op }) => op.id));
      }),
    dropAside: (ids) => within([ASIDE], "readwrite", (store) => ids.forEach((id) => store.delete(id))),
  };
}

/** Take the lease `name` for `owner` until `until` (ms), unless somebody else holds it now. Whether it was taken. */
export const lease = (name, owner, now, until) =>
  within([LEASES], "readwrite", async (store) => {
    const held = await request(store.get(name));
    if (held && held.owner !== owner && held.until > now) return false;
    store.put({ owner, until }, name);
    return true;
  });

/** What lies unsent or set aside in this browser for `user`, in any video: [{video, unsent, aside}]. */
export async function leftOver(user) {
  const rows = await within([OPS, ASIDE], "readonly", async (ops, aside) => [await request(ops.getAll()), await request(aside.getAll())]);
  const videos = new Map();
  rows.forEach((list, at) => {
    for (const { place } of list) {
      const [whose, video] = place.split("/");
      if (whose !== String(user)) continue;
      const entry = videos.get(video) ?? { video, unsent: 0, aside: 0 };
      entry[at ? "aside" : "unsent"] += 1;
      videos.set(video, entry);
    }
  });
  return [...videos.values()];
}
