// Transport: loops, play around an edge, both directions; what the source is asked to do.

import assert from "node:assert/strict";
import test from "node:test";

import { Player, nearerEdge } from "../../static/js/workspace/player.js";
import { FrameTable } from "../../static/js/workspace/frametable.js";

const table = new FrameTable({ time_base: [1, 100], pts: Array.from({ length: 1000 }, (_, k) => k) });

/** A source that shows at once and plays when told `tick(frame)`. */
function setUp(room) {
  const player = new Player(table, room);
  const asked = [];
  const source = {
    playing: false,
    show: async (frame) => {
      asked.push(["show", frame]);
      player.events.frame(frame);
    },
    play: (plan) => {
      source.playing = true;
      asked.push(["play", plan.from, plan.direction, plan.speed]);
    },
    jump: (frame) => asked.push(["jump", frame]),
    pause: async (stay) => {
      source.playing = false;
      asked.push(["pause", stay]);
      player.events.frame(stay);
    },
  };
  player.source = source;
  return { player, asked, tick: (frame) => player.events.frame(frame) };
}

test("a loop has the lead and tail that the person set and comes round", async () => {
  const { player, asked, tick } = setUp(() => ({ lead: 0.2, tail: 0.1 }));
  await player.loop({ begin: 100, end: 150 });
  assert.deepEqual(player.looping, { begin: 80, end: 161 });
  assert.deepEqual(asked, [["show", 80], ["play", 80, 1, 1]]);
  tick(159);
  tick(160);
  assert.deepEqual(asked.at(-1), ["jump", 80]);
  await player.loop({ begin: 100, end: 150 });
  assert.deepEqual([player.playing, player.looping], [false, null]);
});

test("a loop stays in the video; played backwards it comes round at its begin", async () => {
  const { player, asked, tick } = setUp(() => ({ lead: 0.35, tail: 0.35 }));
  await player.loop({ begin: 3, end: 990 });
  assert.deepEqual(player.looping, { begin: 0, end: 1000 });
  player.shuttle(-1);
  await null;
  tick(0);
  assert.deepEqual(asked.at(-1), ["jump", 999]);
});

test("around an edge: half a second either side, once, and back to the edge", async () => {
  const { player, asked, tick } = setUp();
  await player.around(500);
  assert.deepEqual(asked, [["show", 450], ["play", 450, 1, 1]]);
  tick(549);
  assert.ok(player.playing);
  tick(550);
  await null;
  assert.deepEqual(asked.at(-1), ["pause", 500]);
  assert.deepEqual([player.playing, player.frame, player.stretch], [false, 500, null]);
});

test("the nearer edge; a stroke's last picture is its end's", () => {
  assert.equal(nearerEdge({ begin: 100, end: 120 }, 108), 100);
  assert.equal(nearerEdge({ begin: 100, end: 120 }, 112), 119);
  assert.equal(nearerEdge(null, 7), 7);
});

test("J and L: that way, again faster, the other way back; K stops, K again is normal speed", async () => {
  const { player, asked } = setUp();
  player.shuttle(1);
  await null;
  player.shuttle(1);
  player.shuttle(1);
  player.shuttle(1);
  assert.deepEqual(asked.at(-1), ["play", 0, 1, 4]);
  player.shuttle(-1);
  await null;
  assert.deepEqual(asked.at(-1), ["play", 0, -1, 4]);
  for (let k = 0; k < 9; k += 1) player.faster(-1);
  assert.deepEqual(asked.at(-1), ["play", 0, -1, 1 / 8]);
  player.stop();
  assert.deepEqual([player.direction, player.speed], [0, 1 / 8]);
  player.stop();
  assert.equal(player.speed, 1);
});

test("at the end play begins anew; running out of pictures pauses", async () => {
  const { player, asked, tick } = setUp();
  tick(999);
  await player.play();
  assert.deepEqual(asked, [["show", 0], ["play", 0, 1, 1]]);
  player.events.ended();
  assert.equal(player.playing, false);
});
