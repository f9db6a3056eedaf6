// Comparing lanes: who agrees, what is open, what is copied.

import assert from "node:assert/strict";
import test from "node:test";

import { compareLanes, match, overlapOf } from "../../static/js/workspace/agreement.js";
import { ClassTree } from "../../static/js/workspace/classtree.js";
import { Compare } from "../../static/js/workspace/compare.js";
import { Consensus } from "../../static/js/workspace/consensus.js";
import { difference } from "../../static/js/workspace/comparebar.js";
import { Editor } from "../../static/js/workspace/editor.js";
import { arrange } from "../../static/js/workspace/spans.js";
import { History } from "../../static/js/workspace/steps.js";
import { Store } from "../../static/js/workspace/store.js";
import { Ui } from "../../static/js/workspace/ui.js";
import { body, taxonomy } from "./fixtures.js";

const lane = (key, complete, ...spans) => ({ key, complete, arranged: arrange(spans.map(([id, begin, end, move]) => ({ id, begin, end, move }))) });

test("strokes match one to one, the best overlap first, from a half on", () => {
  assert.equal(overlapOf({ begin: 0, end: 10 }, { begin: 5, end: 15 }), 1 / 3);
  assert.equal(overlapOf({ begin: 0, end: 10 }, { begin: 10, end: 15 }), 0);
  const { there, back } = match(lane("a", true, ["1", 0, 10], ["2", 2, 12]).arranged, lane("b", true, ["x", 2, 11], ["y", 0, 9], ["z", 30, 40]).arranged);
  assert.equal(there.get("1").id, "y");
  assert.equal(there.get("2").id, "x");
  assert.equal(back.has("z"), false);
});

test("agreed, another class, missing; who has not finished says nothing by silence", () => {
  const found = compareLanes([
    lane("mine", true, ["1", 0, 10, "A"], ["2", 20, 30, "A"], ["3", 40, 50, "A"]),
    lane("bob", true, ["x", 1, 10, "A"], ["y", 20, 31, "B"], ["z", 60, 70, "A"]),
    lane("eve", false, ["e", 40, 50, "A"]),
  ]);
  const says = (key) => Object.fromEntries(found.marks.get(key));
  assert.deepEqual(says("mine"), { 1: "agree", 2: "class", 3: "alone" });
  assert.deepEqual(says("bob"), { x: "agree", y: "class", z: "alone" });
  assert.deepEqual(says("eve"), { e: "alone" });
  assert.deepEqual(found.open.map(({ begin, why }) => [begin, why]), [[20, "class"], [40, "alone"], [60, "alone"]]);
  assert.equal(found.agreed, 1);
});

async function comparing(lanes, extra = {}) {
  const store = new Store(body({ lane: { version: 3, complete: true } }));
  const ui = new Ui();
  const said = [];
  const player = { frame: 0, target: 0, looping: null, arrive() {}, goTo() {}, loop(span) { player.looping = span; } };
  const sent = [];
  const editor = new Editor({
    store, ui, player, outbox: { push: (ops) => sent.push(...ops) }, history: new History(store), effort: { take: () => 0, active() {} },
    tree: new ClassTree(taxonomy), table: { n: 1000 }, players: [], say: (text) => said.push(text),
  });
  const compare = new Compare({ load: async () => ({ lanes, consensus: null, admin: false, ...extra }), store, ui, editor, player, say: (text) => said.push(text) });
  await compare.toggle();
  return { compare, store, ui, said, sent, player, editor };
}

const stroke = (id, begin, end, move) => ({ id, begin, end, move, player: null, note: "", unsure: false, source: "blind", suggestion: null, version: 1 });
const bob = (...strokes) => [{ expert: { id: 5, name: "bob", admin: false }, complete: true, version: 3, strokes }];

test("a stroke of somebody else is copied as one undoable step", async () => {
  const { compare, store, sent, editor } = await comparing(bob(stroke("x", 100, 120, "Serve Forehand Loop")));
  compare.choose("expert-5", "x");
  compare.copy();
  const copied = [...store.state.strokes.values()].find((one) => one.begin === 100);
  assert.deepEqual([copied.end, copied.move, copied.note], [120, "Serve Forehand Loop", "copied from bob"]);
  assert.equal(sent.length, 1);
  editor.undo();
  assert.equal(store.state.strokes.size, 2);
});

test("where I have that stroke already, it takes over edges and class", async () => {
  const { compare, store, said } = await comparing(bob(stroke("x", 12, 21, "Serve Forehand Topspin")));
  compare.choose("expert-5", "x");
  compare.copy();
  assert.equal(store.state.strokes.size, 2);
  const { begin, end, move } = store.state.strokes.get("a");
  assert.deepEqual([begin, end, move], [12, 21, "Serve Forehand Topspin"]);
  compare.copy();
  assert.match(said.at(-1), /same already/);
});

test("disagreements are gone through in the order of the video and looped", async () => {
  const { compare, ui, player } = await comparing(bob(stroke("x", 10, 20, "Serve Forehand Topspin"), stroke("b2", 40, 60, ""), stroke("y", 300, 320, "")));
  await compare.disagreement(1);
  assert.deepEqual(ui.selected, { kind: "stroke", id: "a" });
  assert.equal(player.looping.begin, 10);
  await compare.disagreement(1);
  assert.deepEqual([ui.selected, ui.reviewed], [null, { key: "expert-5", id: "y" }]);
  await compare.disagreement(1);
  assert.deepEqual(ui.selected, { kind: "stroke", id: "a" });
  assert.equal(ui.reviewed, null);
});

test("a key pressed while the lanes are on their way waits for them", async () => {
  const { compare, player } = await comparing(bob(stroke("x", 10, 20, "Serve Forehand Topspin")));
  await compare.toggle();
  const opening = compare.toggle();
  await compare.disagreement(1);
  await opening;
  assert.ok(compare.on);
  assert.equal(player.looping.begin, 10);
});

test("a refusal is said and shows nothing", async () => {
  const said = [];
  const compare = new Compare({ load: async () => { throw new Error("finish yours first"); }, store: new Store(body()), ui: new Ui(), editor: {}, player: {}, say: (text) => said.push(text) });
  await compare.toggle();
  assert.deepEqual([compare.on, compare.lanes(), said], [false, [], ["finish yours first"]]);
});

test("what the consensus has decided is no disagreement any more", async () => {
  const consensus = { version: 1, complete: false, strokes: [stroke("c", 10, 20, "Serve Forehand Loop")] };
  const { compare } = await comparing(bob(stroke("x", 10, 20, "Serve Forehand Topspin"), stroke("b2", 40, 60, "")), { consensus });
  assert.deepEqual(compare.agreement().open, []);
  assert.deepEqual(compare.lanes().map((one) => one.key), ["expert-5", "consensus"]);
});

test("a difference in words", () => {
  const mine = { begin: 100, end: 120, move: "A" };
  assert.equal(difference({ begin: 96, end: 120, move: "B" }, mine), "begins 4 earlier, another class than yours");
  assert.equal(difference({ begin: 100, end: 121, move: "A" }, mine), "ends 1 later");
  assert.equal(difference(mine, mine), "the same as yours");
});

const lanesWith = (consensus, ...strokes) => ({ lanes: bob(...strokes), admin: true, consensus });

async function adjudicating(strokes, decided) {
  const all = await comparing(bob(...strokes), { admin: true, consensus: { version: 2, complete: false, strokes: decided } });
  const sentThere = [];
  let held = decided;
  let log = [];
  const gone = new Map(decided.map((one) => [one.id, one]));
  const after = (op) => {
    if (op.kind === "add") return [...held, stroke(op.stroke, op.data.begin, op.data.end, op.data.move)];
    if (op.kind === "restore") return [...held, gone.get(op.stroke)];
    return held.filter((one) => one.id !== op.stroke);
  };
  const consensus = new Consensus({
    ...all,
    say: (text, options) => all.said.push([text, options]),
    begin: async () => lanesWith({ version: 1, complete: false, strokes: decided }, ...strokes),
    send: async (ops, version) => {
      sentThere.push([version, ops]);
      for (const op of ops) {
        if (op.kind === "remove") gone.set(op.stroke, held.find((one) => one.id === op.stroke));
        held = after(op);
        log = [...log, { ...op, before: {}, at: new Date(0).toISOString() }];
      }
      return lanesWith({ version: version + ops.length, complete: false, strokes: held, log }, ...strokes);
    },
  });
  return { ...all, consensus, sentThere };
}

test("a decided stroke takes the place of what the consensus said there, and can be taken back", async () => {
  const { compare, consensus, sentThere, said, sent } = await adjudicating([stroke("x", 100, 120, "Serve Forehand Loop")], [stroke("c", 98, 121, "Serve Forehand Topspin")]);
  compare.choose("expert-5", "x");
  await consensus.put();
  const [version, ops] = sentThere[0];
  assert.deepEqual([version, ops.map((op) => op.kind)], [2, ["remove", "add"]]);
  const now = () => compare.lane("consensus").arranged.sorted.map(({ begin, move }) => [begin, move]);
  assert.deepEqual(now(), [[100, "Serve Forehand Loop"]]);
  assert.equal(sent.length, 0, "nobody's own lane is touched");
  assert.equal(consensus.means("undo"), true);
  assert.equal(consensus.means("redo"), false);
  await said.at(-1)[1].undo();
  assert.deepEqual([sentThere[1][0], sentThere[1][1].map((op) => op.kind)], [4, ["remove", "restore"]]);
  assert.deepEqual(now(), [[98, "Serve Forehand Topspin"]]);
  assert.equal(consensus.means("undo"), false, "there is nothing more of mine there");
  assert.equal(consensus.means("redo"), true);
  await consensus.step("redo");
  assert.deepEqual(now(), [[100, "Serve Forehand Loop"]]);
});

test("undo is for where something was done last, and for the consensus only while it is in view", async () => {
  const { compare, consensus, editor } = await adjudicating([stroke("x", 100, 120, "Serve Forehand Loop")], []);
  compare.choose("expert-5", "x");
  await consensus.put();
  editor.touched = Date.now() + 1;
  assert.equal(consensus.means("undo"), false, "my own lane was changed later");
  editor.touched = 0;
  assert.equal(consensus.means("undo"), true);
  await compare.toggle();
  assert.equal(consensus.means("undo"), false);
});

test("what may be put there: strokes of people, not suggestions, and only by whoever may decide", async () => {
  const { compare, consensus, ui } = await adjudicating([stroke("x", 100, 120, "")], []);
  assert.equal(consensus.candidate(), null);
  compare.choose("expert-5", "x");
  assert.equal(consensus.candidate().id, "x");
  ui.set({ selected: { kind: "suggestion", id: "s1" } });
  assert.equal(consensus.candidate(), null);
  ui.set({ selected: { kind: "stroke", id: "a" } });
  assert.equal(consensus.candidate().id, "a");
  compare.admin = false;
  assert.equal(consensus.candidate(), null);
});
