// What the page shows but nobody records: selection, open mark, chosen options. Listeners are told once per change.

export class Ui {
  #listeners = new Set();

  constructor() {
    this.selected = null; // {kind: "stroke" | "suggestion", id}
    this.reviewed = null; // {key, id}: a stroke in somebody else's lane
    this.draft = null; // {begin, move}: begin was marked, end not yet
    this.armed = ""; // the class the next stroke gets: class first, mark after
    this.adjust = null; // {kind, id, begin, end}: edges being moved, not yet an operation
    this.group = null; // the class group that waits for its number
    this.region = false; // whether the region of interest is drawn over the picture
    this.filter = "all";
    this.figures = false; // whether scores are shown as numbers, not as words
    this.order = "video"; // which suggestion comes next: "video", or "useful" first
    this.classKeys = "name"; // what a class does on its press: name a stroke, begin one, make a whole one
    this.player = null; // pseudonym new strokes belong to
  }

  set(patch) {
    Object.assign(this, patch);
    this.#listeners.forEach((listener) => listener(this));
  }

  subscribe(listener) {
    this.#listeners.add(listener);
  }

  isSelected(kind, id) {
    return this.selected?.kind === kind && this.selected.id === id;
  }
}
