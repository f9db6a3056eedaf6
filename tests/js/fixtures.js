// What the tests share: the published taxonomy as the server keeps it, and a workspace body.

import { readFileSync } from "node:fs";

const path = new URL("../../strokes/taxonomies/ttstroke21.json", import.meta.url);
export const taxonomy = JSON.parse(readFileSync(path, "utf8"));

export const flat = (n) => ({ moves: Array.from({ length: n }, (_, i) => ({ name: `class ${i + 1}`, short: `class ${i + 1}`, fr: "", group: "", group_fr: "", leaf: "", leaf_fr: "", type: "", hand: "" })) });

export const body = (extra = {}) => ({
  lane: { version: 3, complete: false },
  strokes: [
    { id: "a", begin: 10, end: 20, move: "Serve Forehand Loop", player: null, note: "", unsure: false, source: "blind", suggestion: null, version: 1 },
    { id: "b", begin: 40, end: 60, move: "", player: null, note: "", unsure: false, source: "blind", suggestion: null, version: 1 },
  ],
  suggestions: [
    { id: "s1", begin: 25, end: 35, move: "Offensive Forehand Loop", score: 0.8, top: [["Offensive Forehand Loop", 0.8], ["Offensive Forehand Hit", 0.1]], run: 7 },
    { id: "s2", begin: 70, end: 80, move: "", score: 0.5, top: [], run: null },
  ],
  roi: [],
  history: [],
  ...extra,
});
