// The courier looks for what has changed elsewhere, and asks only for what it has not seen.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.navigator ??= {};
globalThis.BroadcastChannel = class {
  addEventListener() {}
  postMessage() {}
};
const { Courier } = await import("../../static/js/workspace/courier.js");
const { Store } = await import("../../static/js/workspace/store.js");
const { body } = await import("./fixtures.js");

const seen = (around, extra = {}) => ({ ...body(extra), user: { id: 1 }, around });

function looking() {
  const asked = [];
  const answers = [];
  globalThis.fetch = async (path, { headers }) => {
    asked.push(headers["If-None-Match"] ?? null);
    const next = answers.shift();
    if (!next) return new Response(null, { status: 304 });
    return new Response(JSON.stringify(next), { headers: { "Content-Type": "application/json" } });
  };
  const courier = new Courier({ video: "v", user: { id: 1 }, on: { state() {}, say() {}, clash() {} } });
  courier.outbox.settle = async () => {};
  const store = new Store(body());
  courier.start(store, "one");
  return { courier, store, asked, answers };
}

test("what it shows is not asked for again, by the version that it counts itself", async () => {
  const { courier, store, asked, answers } = looking();
  assert.equal(await courier.look(), null);
  answers.push(seen("two", { suggestions: [] }));
  await courier.look();
  assert.equal(store.state.suggestions.size, 0);
  await courier.look();
  store.base = { ...store.base, version: 4 };
  await courier.look();
  assert.deepEqual(asked, ['"3-one"', '"3-one"', '"3-two"', '"4-two"']);
});

test("an answer that comes too late to be taken in does not count as seen", async () => {
  const { courier, store, asked, answers } = looking();
  answers.push(seen("two", { suggestions: [] }));
  const late = courier.look();
  store.base = { ...store.base, version: 4 }; // saved meanwhile
  await late;
  assert.equal(store.state.suggestions.size, 2);
  answers.push(seen("two", { lane: { version: 4, complete: false }, suggestions: [] }));
  await courier.look();
  assert.equal(store.state.suggestions.size, 0);
  assert.deepEqual(asked, ['"3-one"', '"4-one"']);
});
