// The names at the left of the lanes, each beside its lane; those of other people scroll when there are many.

import { find, h, write } from "./dom.js";

export class LaneNames {
  #shown = "";

  constructor(root, { lanes, compare, redraw }) {
    Object.assign(this, { root, lanes, compare });
    this.own = { motion: find(".lane-motion", root), suggestion: find(".lane-model", root), stroke: find(".lane-mine", root) };
    this.part = find(".lane-others", root);
    this.part.addEventListener("scroll", () => {
      this.lanes.scroll = this.part.scrollTop;
      redraw();
    }, { passive: true });
  }

  draw() {
    const placed = this.lanes.layout();
    const { height } = this.lanes.surface;
    const key = `${height} ${this.compare.revision}`;
    if (key === this.#shown) return;
    this.#shown = key;
    for (const [name, element] of Object.entries(this.own)) place(element, placed[name]);
    this.part.hidden = !placed.others.length;
    place(this.part, placed.part);
    const lanes = this.compare.lanes();
    const names = placed.others.map(({ y, height: tall }, at) => {
      const name = h("span.lane-name", { title: lanes[at].title, class: `lane-name lane-of-${lanes[at].kind}` });
      write(name, `${lanes[at].name}${lanes[at].complete ? " ✓" : ""}`);
      place(name, { y: y - placed.part.y + this.lanes.scroll, height: tall });
      return name;
    });
    const space = h("span.lane-space");
    place(space, { y: 0, height: placed.part.content });
    this.part.replaceChildren(space, ...names);
  }

  /** Scroll until the lane with `key` is in view. */
  reveal(key) {
    const lane = this.lanes.layout().others.find((one) => one.key === key);
    const { part } = this.lanes.layout();
    if (!lane || (lane.y >= part.y && lane.y + lane.height <= part.y + part.height)) return;
    this.part.scrollTop += lane.y < part.y ? lane.y - part.y : lane.y + lane.height - part.y - part.height;
  }
}

function place(element, { y, height }) {
  element.style.top = `${y}px`;
  element.style.height = `${height}px`;
}
