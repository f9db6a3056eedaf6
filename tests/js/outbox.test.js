// Outbox: order, repeats, refusals, sign-in, two tabs.

import assert from "node:assert/strict";
import test from "node:test";

import { Outbox } from "../../static/js/workspace/outbox.js";

class Shelf {
  rows = [];
  load = async () => [...this.rows];
  put = async (ops) => void this.rows.push(...ops);
  drop = async (ids) => void (this.rows = this.rows.filter((op) => !ids.includes(op.id)));
}

const op = (id) => ({ id, kind: "add" });
const settle = async () => {
  for (let i = 0; i < 50; i += 1) await Promise.resolve();
};

function make(send, shelf = new Shelf()) {
  const seen = { sent: [], stale: [], refused: [], waits: [], states: [] };
  const timers = { setTimeout: (work, ms) => (seen.waits.push(ms), (seen.again = work), 1), clearTimeout: () => {} };
  let version = 1;
  const outbox = new Outbox({
    storage: shelf,
    send,
    timers,
    version: () => version,
    on: {
      sent: (ops, reply) => (seen.sent.push(ops.map((one) => one.id)), (version = reply.version)),
      stale: (body) => seen.stale.push(body),
      refused: (one) => (seen.refused.push(one.id), [one]),
      state: () => seen.states.push(outbox?.status),
    },
  });
  return { outbox, shelf, seen };
}

test("kept before it is sent, gone from the shelf only when it was taken", async () => {
  let release;
  const { outbox, shelf } = make(() => new Promise((resolve) => (release = resolve)));
  await outbox.push([op("1")]);
  await settle();
  assert.deepEqual(shelf.rows.map((one) => one.id), ["1"]);
  assert.equal(outbox.unsent, 1);
  release({ version: 2, saved_at: "2026-01-01T00:00:00Z" });
  await settle();
  assert.deepEqual([shelf.rows.length, outbox.unsent, outbox.status, outbox.savedAt], [0, 0, "saved", "2026-01-01T00:00:00Z"]);
});

test("storage comes first, also in time", async () => {
  const order = [];
  const shelf = new Shelf();
  shelf.put = async () => {
    await Promise.resolve();
    order.push("kept");
  };
  const { outbox } = make(async () => (order.push("sent"), { version: 2 }), shelf);
  const pushed = outbox.push([op("1")]);
  assert.equal(outbox.unkept, 1);
  await pushed;
  assert.equal(outbox.unkept, 0);
  await settle();
  assert.deepEqual(order, ["kept", "sent"]);
});

test("in order, one request at a time, each with the version it builds on", async () => {
  const calls = [];
  let running = 0;
  const { outbox } = make(async (ops, version) => {
    assert.equal((running += 1), 1);
    calls.push([ops.map((one) => one.id), version]);
    await settle();
    running -= 1;
    return { version: version + ops.length };
  });
  outbox.push([op("1")]);
  outbox.push([op("2")]);
  outbox.push([op("3")]);
  await settle();
  await settle();
  await settle();
  assert.deepEqual(calls.flatMap(([ids]) => ids), ["1", "2", "3"]);
  assert.equal(calls.at(-1)[1], 1 + calls.slice(0, -1).reduce((sum, [ids]) => sum + ids.length, 0));
});

test("no network: waits longer and longer, loses nothing, then sends the same ids", async () => {
  let down = true;
  const ids = [];
  const { outbox, seen } = make(async (ops) => {
    ids.push(ops[0].id);
    if (down) throw { status: 0 };
    return { version: 2 };
  });
  await outbox.push([op("1")]);
  await settle();
  for (let i = 0; i < 6; i += 1) {
    seen.again();
    await settle();
  }
  assert.deepEqual(seen.waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.deepEqual([outbox.status, outbox.unsent], ["waiting", 1]);
  down = false;
  seen.again();
  await settle();
  assert.deepEqual([outbox.unsent, new Set(ids).size, outbox.status], [0, 1, "saved"]);
});

test("a server error (500, 507) is waited for too; nothing is thrown away", async () => {
  for (const status of [500, 503, 507, 429]) {
    const { outbox, shelf } = make(async () => {
      throw { status };
    });
    await outbox.push([op("1")]);
    await settle();
    assert.deepEqual([outbox.status, shelf.rows.length], ["waiting", 1], String(status));
  }
});

test("signed out: kept, and sent after signing in", async () => {
  let out = true;
  const { outbox, seen } = make(async () => {
    if (out) throw { status: 401 };
    return { version: 2 };
  });
  await outbox.push([op("1")]);
  await settle();
  assert.deepEqual([outbox.status, outbox.unsent, seen.waits.length], ["signed-out", 1, 0]);
  out = false;
  await outbox.flush();
  assert.equal(outbox.status, "saved");
});

test("stale: asks once, sends nothing until the page has decided, then what it kept", async () => {
  let stale = true;
  const sent = [];
  const { outbox, seen, shelf } = make(async (ops) => {
    if (stale) throw { status: 412, body: { lane: 1 } };
    sent.push(...ops.map((one) => one.id));
    return { version: 8 };
  });
  await outbox.push([op("1"), op("2")]);
  await settle();
  await outbox.push([op("3")]);
  await settle();
  assert.equal(seen.stale.length, 1);
  stale = false;
  await outbox.resume([op("2"), op("3"), op("4")]);
  await settle();
  assert.deepEqual(sent, ["2", "3", "4"]);
  assert.equal(shelf.rows.length, 0);
});

test("one bad operation does not hold the others back", async () => {
  const taken = [];
  const { outbox, seen } = make(async (ops) => {
    if (ops.some((one) => one.id === "bad")) throw { status: 400, message: "no" };
    taken.push(...ops.map((one) => one.id));
    return { version: 5 };
  });
  await outbox.push([op("1"), op("bad"), op("2")]);
  await settle();
  await settle();
  assert.deepEqual([taken, seen.refused, outbox.unsent], [["1", "2"], ["bad"], 0]);
});

test("an earlier visit's operations are found again", async () => {
  const shelf = new Shelf();
  shelf.rows = [op("old")];
  const sent = [];
  const { outbox } = make(async (ops) => (sent.push(ops[0].id), { version: 2 }), shelf);
  assert.deepEqual((await outbox.open()).map((one) => one.id), ["old"]);
  await outbox.flush();
  assert.deepEqual(sent, ["old"]);
});

test("a browser without storage still sends, and says that it keeps nothing", async () => {
  const shelf = { load: async () => { throw new Error("no"); }, put: async () => { throw new Error("no"); }, drop: async () => { throw new Error("no"); } };
  const { outbox } = make(async () => ({ version: 2 }), shelf);
  await outbox.open();
  await outbox.push([op("1")]);
  await settle();
  assert.deepEqual([outbox.unsent, outbox.durable], [0, false]);
});
