// The tour of the practice video as state: three steps, each ticked by what was done, never by a click on the tour itself.

export const STEPS = [
  { name: "watch", ticks: ["play", "step"] },
  { name: "mark", ticks: ["mark", "class"] },
  { name: "decide", ticks: ["decide", "complete"] },
];

/** The ticks that what is there now shows to be done. `whole(move)`: it is a full class. */
export function ticksOf({ played, stepped, strokes, open, whole, complete }) {
  const own = [...strokes].filter((one) => one.source === "blind");
  const decided = [...strokes].some((one) => one.suggestion) || open.rejected;
  return [
    played && "play",
    stepped && "step",
    own.length > 0 && "mark",
    own.some((one) => whole(one.move)) && "class",
    decided && open.left === 0 && "decide",
    complete && "complete",
  ].filter(Boolean);
}

/** Ticks once set stay set, except "complete" and "decide", which say how things are. */
export function merge(before, now) {
  const asIs = ["complete", "decide"];
  return [...new Set([...before.filter((tick) => !asIs.includes(tick) || now.includes(tick)), ...now])];
}

/** Index of the step to do now; STEPS.length when all is done. */
export function currentStep(done) {
  const at = STEPS.findIndex((step) => !step.ticks.every((tick) => done.includes(tick)));
  return at < 0 ? STEPS.length : at;
}
