// Tabs of one person on one video: they tell each other what they did, and one at a time sends.

import { newId } from "./ids.js";
import { lease } from "./storage.js";

const LEASE_MS = 45_000; // longer than a request may take
const RENEW_MS = 10_000;
const ASK_MS = 300;

/** tell(kind, data) to the other tabs; `hear(kind, data)` is called with what they tell. */
export function connect(name, hear) {
  const channel = new BroadcastChannel(name);
  channel.addEventListener("message", ({ data }) => hear(data.kind, data));
  return (kind, data) => channel.postMessage({ kind, ...data });
}

/** lock(work): runs `work` while no other tab runs its own under this name. Plain http hides Web Locks: then by a lease. */
export function lockOf(name) {
  if (navigator.locks) return (work) => navigator.locks.request(name, work);
  const owner = newId();
  const take = () => lease(name, owner, Date.now(), Date.now() + LEASE_MS);
  return async (work) => {
    try {
      while (!(await take())) await new Promise((resolve) => window.setTimeout(resolve, ASK_MS));
    } catch {
      return work(); // no storage, so nothing is shared either
    }
    const renewing = window.setInterval(take, RENEW_MS);
    try {
      return await work();
    } finally {
      window.clearInterval(renewing);
      await lease(name, owner, 0, 0).catch(() => {});
    }
  };
}
