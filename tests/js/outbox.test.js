// Outbox: order, repeats, refusals, sign-in, two tabs.

import assert from "node:assert/strict";
import test from "node:test";

import { Outbox, keyOf } from "../../static/js/workspace/outbox.js";

class Shelf {
  rows = [];
  load = async () => [...this.rows];
  asideRows = [];
  put = async (ops, dropped = []) => void (this.rows = [...this.rows.filter((op) => !dropped.includes(op.id)), ...ops]);
  drop = async (ids) => void (this.rows = this.rows.filter((op) => !ids.includes(op.id)));
  setAside = async (entries) => {
    this.asideRows.push(...entries);
    await this.drop(entries.map(({ op }) => op.id));
  };
}

const op = (id) => ({ id, kind: "add" });
const settle = async () => {
  for (let i = 0; i < 50; i += 1) await Promise.resolve();
};

function make(send, shelf = new Shelf(), more = {}) {
  const seen = { sent: [], stale: [], refused: [], waits: [], states: [], held: new Set(), kept: [], adopted: [], now: 0 };
  const timers = { setTimeout: (work, ms) => (seen.waits.push(ms), (seen.again = work), 1), clearTimeout: () => {} };
  let version = 1;
  const outbox = new Outbox({
    storage: shelf,
    send,
    timers,
    version: () => version,
    held: () => seen.held,
    now: () => seen.now,
    ...more,
    on: {
      kept: (ops) => seen.kept.push(...ops.map((one) => one.id)),
      adopted: (ops) => seen.adopted.push(...ops.map((one) => one.id)),
      sent: (ops, reply) => (seen.sent.push(ops.map((one) => one.id)), (version = reply.version)),
      stale: (body) => seen.stale.push(body),
      refused: (one) => (seen.refused.push(one.id), []),
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
  const put = shelf.put;
  shelf.put = async (ops) => {
    await put(ops);
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

test("stale: the page takes the state in, and what clashes is held until somebody chooses", async () => {
  let stale = true;
  const sent = [];
  const { outbox, seen, shelf } = make(async (ops) => {
    if (stale) {
      stale = false;
      seen.held = new Set(["1"]);
      throw { status: 412, body: { lane: 1 } };
    }
    sent.push(...ops.map((one) => one.id));
    return { version: 8 };
  });
  await outbox.push([op("1"), op("2")]);
  await settle();
  assert.deepEqual([seen.stale.length, sent, outbox.status, outbox.unsent], [1, ["2"], "stale", 1]);
  assert.deepEqual(shelf.rows.map((one) => one.id), ["1"], "what is held stays on the shelf");
  seen.held = new Set();
  await outbox.push([op("4")], [op("1")]);
  await settle();
  assert.deepEqual([sent, shelf.rows, outbox.status], [["2", "4"], [], "saved"]);
});

test("a server that says stale for ever is waited for, not asked for ever", async () => {
  let asked = 0;
  const { outbox, seen } = make(async () => {
    asked += 1;
    throw { status: 412, body: {} };
  });
  await outbox.push([op("1")]);
  await settle();
  assert.deepEqual([outbox.status, outbox.unsent, asked < 10, seen.waits.length], ["waiting", 1, true, 1]);
});

test("the server's Retry-After is honoured, also when more is done meanwhile", async () => {
  let asked = 0;
  const { outbox, seen } = make(async () => {
    asked += 1;
    if (asked === 1) throw { status: 429, retryAfter: 120 };
    return { version: 2 };
  });
  await outbox.push([op("1")]);
  await settle();
  assert.deepEqual([seen.waits, asked], [[120_000], 1]);
  await outbox.push([op("2")]);
  await settle();
  assert.deepEqual([asked, outbox.unsent], [1, 2]);
  seen.now = 120_001;
  seen.again();
  await settle();
  assert.deepEqual([outbox.unsent, outbox.status], [0, "saved"]);
});

test("a video that is gone or closed: everything stays, and is tried again", async () => {
  for (const status of [403, 404, 410]) {
    let gone = true;
    const { outbox, seen, shelf } = make(async () => {
      if (gone) throw { status, message: "gone" };
      return { version: 2 };
    });
    await outbox.push([op("1")]);
    await settle();
    assert.deepEqual([outbox.status, shelf.rows.length, shelf.asideRows.length, outbox.problem], ["shut", 1, 0, "gone"]);
    gone = false;
    seen.again();
    await settle();
    assert.equal(outbox.status, "saved");
  }
});

test("passing refusals are waited for", async () => {
  for (const error of [{ status: 409, code: "not_ready" }, { status: 403, code: "csrf_failed" }]) {
    const { outbox } = make(async () => {
      throw error;
    });
    await outbox.push([op("1")]);
    await settle();
    assert.deepEqual([outbox.status, outbox.unsent], ["waiting", 1]);
  }
});

test("a full disk: work goes on, what is not kept is counted, and is kept in order as soon as there is room", async () => {
  const shelf = new Shelf();
  const put = shelf.put;
  shelf.put = async () => {
    throw new Error("QuotaExceededError");
  };
  const { outbox } = make(async () => {
    throw { status: 0 };
  }, shelf);
  await outbox.push([op("1")]);
  await outbox.push([op("2")]);
  await settle();
  assert.deepEqual([outbox.unkept, outbox.durable, outbox.unsent], [2, false, 2]);
  shelf.put = put;
  await outbox.push([op("3")]);
  await settle();
  assert.deepEqual([outbox.unkept, outbox.durable, shelf.rows.map((one) => one.id)], [0, true, ["1", "2", "3"]]);
});

test("two tabs: one sends at a time, in the order of the shelf, nothing twice", async () => {
  const shelf = new Shelf();
  let chain = Promise.resolve();
  const lock = (work) => (chain = chain.then(work));
  const sent = [];
  let inside = 0;
  const send = async (ops) => {
    assert.equal((inside += 1), 1, "one at a time");
    await settle();
    inside -= 1;
    sent.push(...ops.map((one) => one.id));
    return { version: 2 };
  };
  const one = make(send, shelf, { lock });
  const two = make(send, shelf, { lock });
  for (const [from, to] of [[one, two], [two, one]]) {
    const { sent: tell } = from.outbox.on;
    from.outbox.on.sent = (ops, reply) => (to.outbox.forget(ops), tell(ops, reply)); // what the tabs tell each other
  }
  one.outbox.push([op("1")]);
  two.outbox.push([op("2")]);
  await one.outbox.push([op("3")]);
  for (let i = 0; i < 20; i += 1) await settle();
  assert.deepEqual([...sent].sort(), ["1", "2", "3"]);
  assert.deepEqual([shelf.rows, one.outbox.unsent, two.outbox.unsent], [[], 0, 0]);
});

test("what another tab kept and could not send is found and sent", async () => {
  const shelf = new Shelf();
  const sent = [];
  const { outbox, seen } = make(async (ops) => (sent.push(...ops.map((one) => one.id)), { version: 2 }), shelf);
  shelf.rows = [op("theirs")];
  await outbox.push([op("mine")]);
  await settle();
  assert.deepEqual([sent, seen.adopted, outbox.unsent], [["theirs", "mine"], ["theirs"], 0]);
});

test("what another tab has sent is not sent again from here", async () => {
  const sent = [];
  const { outbox, shelf, seen } = make(async (ops) => (sent.push(...ops.map((one) => one.id)), { version: 2 }));
  seen.held = new Set(["1"]);
  await outbox.push([op("1")]);
  await settle();
  outbox.forget([op("1")], "2026-01-01T00:00:00Z");
  shelf.rows = [op("1")]; // the other tab's disk would not forget it
  seen.held = new Set();
  await outbox.push([op("2")]);
  await settle();
  assert.deepEqual([sent, outbox.savedAt !== null, outbox.status], [["2"], true, "saved"]);
});

test("a batch's key: the same for the same batch, another for any other", () => {
  const [a, b] = ["6fbd1a2e-1111-4222-8333-444455556666", "0f0f1a2e-9999-4222-8333-abcdefabcdef"].map((id) => ({ id }));
  const keys = [keyOf([a, b], 3), keyOf([a], 3), keyOf([a, b], 4), keyOf([a, b], 3, 1)];
  assert.equal(new Set(keys).size, 4);
  assert.equal(keyOf([a, b], 3), keys[0]);
  for (const key of keys) assert.match(key, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

test("a key that the server knows for something else is not used again", async () => {
  let asked = 0;
  const { outbox } = make(async () => {
    asked += 1;
    if (asked === 1) throw { status: 422, code: "key_reused" };
    return { version: 2 };
  });
  await outbox.push([op("1")]);
  await settle();
  assert.deepEqual([asked, outbox.unsent], [2, 0]);
});

test("one bad operation does not hold the others back", async () => {
  const taken = [];
  const { outbox, seen, shelf } = make(async (ops) => {
    if (ops.some((one) => one.id === "bad")) throw { status: 400, message: "no" };
    taken.push(...ops.map((one) => one.id));
    return { version: 5 };
  });
  await outbox.push([op("1"), op("bad"), op("2")]);
  await settle();
  await settle();
  assert.deepEqual([taken, seen.refused, outbox.unsent], [["1", "2"], ["bad"], 0]);
  assert.deepEqual(shelf.asideRows.map(({ op: one, why }) => [one.id, why.message]), [["bad", "no"]]);
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

test("what another tab keeps counts here too, until that tab says that it is sent", () => {
  const { outbox } = make(async () => ({ version: 2 }));
  outbox.adopt([op("1")]);
  assert.deepEqual([outbox.status, outbox.unsent, outbox.unkept], ["sending", 1, 0]);
  outbox.forget([op("1")], "2026-01-01T00:00:00Z");
  assert.deepEqual([outbox.status, outbox.unsent, outbox.savedAt], ["saved", 0, "2026-01-01T00:00:00Z"]);
});
