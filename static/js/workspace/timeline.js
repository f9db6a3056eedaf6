// The timeline put together: overview, lanes, names, marks, gestures and the verbs that move the view. It paints by itself when
// only the view moves; everything else of the page stays as it is then.

import { find } from "./dom.js";
import { attachEdges } from "./edges.js";
import { Hover } from "./hover.js";
import { LaneMarks } from "./lanemarks.js";
import { LaneNames } from "./lanenames.js";
import { Lanes } from "./lanes.js";
import { Overview } from "./overview.js";
import { attachOverview } from "./overviewdrag.js";
import { attachPanZoom } from "./panzoom.js";
import { attachScrub, press } from "./scrub.js";
import { PlayheadSlider } from "./slider.js";
import { motionPeaks } from "./snap.js";
import { attachTouch } from "./touch.js";

const ZOOM = 0.6;

export class Timeline {
  #waiting = false;
  #playing = false;

  constructor(parts) {
    Object.assign(this, parts);
    const { scale, table, player } = parts;
    const redraw = () => this.redraw();
    this.page = find("#workspace");
    this.lanes = new Lanes(find("#lanes"), { ...parts, invalidate: redraw });
    this.marks = new LaneMarks(find(".lane-marks"), { ...parts, lanes: this.lanes });
    this.names = new LaneNames(find(".lane-names"), { ...parts, lanes: this.lanes, redraw });
    this.overview = new Overview(find("#overview"), { ...parts, invalidate: redraw });
    this.slider = new PlayheadSlider(this.overview.canvas, parts);
    this.hover = new Hover(find("#hover"), parts);
    this.hover.attach(this.lanes.canvas, (x) => scale.frame(x));
    this.hover.attach(this.overview.canvas, (x) => this.overview.frame(x));
    const gestures = {
      ...parts, redraw, marks: this.marks,
      peaks: motionPeaks(parts.motion, (seconds) => table.at(seconds)),
      fit: () => this.fit(),
      follow: (event, frame) => (event ? this.hover.show(this.lanes.canvas, event, frame) : this.hover.hide()),
    };
    attachPanZoom(this.lanes.canvas, gestures);
    attachEdges(this.lanes, gestures);
    attachTouch(this.lanes, { ...gestures, tap: (event) => press(this.lanes, event, gestures) });
    attachScrub(this.lanes, gestures);
    attachOverview(this.overview, gestures);
    player.subscribe(() => {
      if (player.playing && !this.#playing) scale.held = false;
      this.#playing = player.playing;
    });
  }

  /** Paint on the next frame. */
  redraw() {
    if (this.#waiting) return;
    this.#waiting = true;
    window.requestAnimationFrame(() => {
      this.#waiting = false;
      this.draw();
    });
  }

  draw() {
    const { player, scale, compare } = this;
    if (player.playing && !this.#loopInView()) scale.accompany(player.frame);
    this.page.classList.toggle("is-comparing", compare.on);
    this.lanes.draw();
    this.names.draw();
    this.marks.draw();
    this.overview.draw();
    this.slider.draw();
    this.after?.(); // what else stands on the same scale
  }

  /** A loop whose stroke is in view plays there, lead and tail or not: the view stays. */
  #loopInView() {
    const { looping } = this.player;
    return Boolean(looping) && looping.end > this.scale.from && looping.begin < this.scale.to;
  }

  // -- verbs -------------------------------------------------------------------------------------------------------

  chosen() {
    return this.editor.chosen() ?? this.compare.chosen();
  }

  zoom(factor) {
    const { scale, player } = this;
    const x = scale.x(player.frame);
    scale.zoom(factor, x >= 0 && x <= scale.width ? x : scale.width / 2);
    this.redraw();
  }

  pan(windows) {
    const { scale } = this;
    scale.pan(windows * (scale.to - scale.from));
    this.redraw();
  }

  /** The chosen stroke with room around it; already so: the whole video. */
  fit() {
    const { scale, table } = this;
    const chosen = this.chosen();
    const room = chosen && Math.max(30, (chosen.end - chosen.begin) * 0.75);
    const near = chosen && Math.abs(scale.to - scale.from - (chosen.end - chosen.begin + 2 * room)) < 2;
    if (chosen && !near) scale.show(chosen.begin - room, chosen.end + room);
    else scale.show(0, table.n);
    this.redraw();
  }

  /** Bring what is chosen, or the playhead, into view. */
  reveal() {
    const chosen = this.chosen();
    const { reviewed } = this.ui;
    if (reviewed) this.names.reveal(reviewed.key);
    if (this.scale.follow(chosen ? chosen.begin : this.player.target)) this.redraw();
  }

  /** The actions of the timeline by their names (actions.js). */
  verbs() {
    const { compare, consensus } = this;
    return {
      fit: () => this.fit(),
      "zoom-in": () => this.zoom(ZOOM),
      "zoom-out": () => this.zoom(1 / ZOOM),
      "pan-left": () => this.pan(-0.5),
      "pan-right": () => this.pan(0.5),
      compare: () => compare.toggle(),
      "next-disagreement": () => compare.disagreement(1),
      "previous-disagreement": () => compare.disagreement(-1),
      "copy-into-mine": () => compare.copy(),
      "into-consensus": () => consensus.put(),
      "out-of-consensus": () => consensus.takeOut(),
    };
  }
}
