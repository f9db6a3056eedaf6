// The outbox's shelf: IndexedDB, one record per operation, per person and video.

const NAME = "topspin-outbox";
const VERSION = 1;
const STORE = "ops";

function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

function openDatabase() {
  const opening = window.indexedDB.open(NAME, VERSION);
  opening.onupgradeneeded = () => {
    const store = opening.result.createObjectStore(STORE, { keyPath: "number", autoIncrement: true });
    store.createIndex("place", "place");
    store.createIndex("id", "op.id", { unique: true });
  };
  return request(opening);
}

/** {load, put, drop} for the operations of `user` on `video`. Every promise resolves when the data is on disk. */
export function shelf(user, video) {
  const place = `${user}/${video}`;
  let database = null;

  async function within(mode, work) {
    database ??= openDatabase();
    const transaction = (await database).transaction(STORE, mode, { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const result = await work(transaction.objectStore(STORE));
    await done;
    return result;
  }

  return {
    load: () => within("readonly", async (store) => (await request(store.index("place").getAll(place))).map((row) => row.op)),
    put: (ops) => within("readwrite", (store) => ops.forEach((op) => store.add({ place, op }))),
    drop: (ids) =>
      within("readwrite", async (store) => {
        for (const id of ids) {
          const key = await request(store.index("id").getKey(id));
          if (key !== undefined) store.delete(key);
        }
      }),
  };
}
