// Where unsent work and what the server has now disagree. An operation remembers what was there when it was made
// (`before`), so this can be told after a reload as well; what touches different fields or strokes goes together.

import { FIELDS } from "./state.js";

const same = (a, b) => (a ?? null) === (b ?? null);
const alike = (a, b) => FIELDS.every((field) => same(a[field], b[field]));

/**
 * {clashes, moot}: `moot` are operations that both sides did alike. A clash is {key, stroke, suggestion, mine, theirs, ops}:
 * `mine` and `theirs` are strokes, null (removed), or {rejected: true}; `ops` all unsent ones of that stroke.
 */
export function findClashes(ops, fresh) {
  const groups = new Map();
  for (const op of ops) {
    const key = op.stroke ?? op.suggestion;
    if (!key) continue;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(op);
  }
  const found = { clashes: [], moot: [] };
  for (const [key, group] of groups) compare(key, group, fresh, found);
  return found;
}

function compare(key, group, fresh, found) {
  const judging = group.find((op) => op.kind === "accept" || op.kind === "reject");
  const decided = judging && fresh.suggestions.get(judging.suggestion);
  if (decided?.verdict) {
    const mine = judging.kind === "reject" ? { rejected: true } : mineOf(group, { ...decided, player: null, note: "", unsure: false });
    settle({ key, stroke: judging.stroke ?? null, suggestion: decided.id, mine, theirs: judgedThere(decided, fresh), ops: group }, found);
    return;
  }
  if (["add", "accept", "reject", "reopen"].includes(group[0].kind)) return;
  const theirs = fresh.strokes.get(key) ?? null;
  if (group[0].kind === "restore") {
    if (theirs) found.moot.push(group[0]);
    return;
  }
  if (!fought(group, theirs)) return;
  const mine = mineOf(group, theirs ?? fresh.removed.get(key));
  if (mine === undefined) return; // nobody knows any more what it was: the server will say
  settle({ key, stroke: key, suggestion: null, mine, theirs, ops: group }, found);
}

function judgedThere(decided, fresh) {
  if (decided.verdict === "rejected") return { rejected: true };
  return [...fresh.strokes.values()].find((one) => one.suggestion === decided.id) ?? null;
}

function settle(clash, found) {
  const { mine, theirs } = clash;
  const both = mine === theirs || (mine?.rejected && theirs?.rejected);
  const equal = mine && theirs && !mine.rejected && !theirs.rejected && alike(mine, theirs);
  if (both || equal) found.moot.push(...clash.ops);
  else found.clashes.push(clash);
}

/** Whether a field that I changed (or a stroke that I removed) is no longer what it was when I did. */
function fought(group, theirs) {
  if (!theirs) return true;
  const written = new Set();
  for (const op of group) {
    const before = op.before ?? {};
    const fields = op.kind === "remove" ? FIELDS : Object.keys(op.data ?? {});
    for (const field of fields) {
      if (written.has(field) || !(field in before)) continue;
      if (!same(theirs[field], before[field]) && !(op.kind === "change" && same(theirs[field], op.data[field]))) return true;
      written.add(field);
    }
  }
  return false;
}

/** My version: what is there now with my changes; null if I removed it; undefined when it is not known. */
function mineOf(group, ground) {
  let mine = ground && { ...ground };
  for (const op of group) {
    if (op.kind === "remove") mine = null;
    else if (op.kind === "restore") mine ??= ground && { ...ground };
    else if (mine) mine = { ...mine, ...op.data };
  }
  return mine;
}
