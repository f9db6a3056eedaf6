// What each action does. Its name is the one that keys, buttons and tests use (actions.js says it in words).

import { openGoTo } from "./dialogs.js";
import { find } from "./dom.js";
import { nearerEdge } from "./player.js";

/** After these the timeline follows what is now chosen. */
const REVEALS = ["previous", "next", "next-to-decide", "accept", "reject", "first-frame", "last-frame", "undo", "redo",
  "next-disagreement", "previous-disagreement"];

/** A mark belongs to the picture on screen: if one is on its way, these wait until it is proven. */
const PROVEN = ["mark-begin", "mark-end", "set-begin", "set-end", "split", "duplicate"];

/** run(name) for every action; a promise where it waits for the picture. */
export function actions({ editor, player, ui, table, log, palette, detail, toast, rules, why, timeline, compare, consensus, onward }) {
  const loop = () => {
    const chosen = timeline.chosen();
    if (chosen || player.looping) player.loop(chosen);
    else editor.say(gettext("Choose a stroke first."));
  };
  const verbs = {
    play: () => player.toggle(),
    "shuttle-back": () => player.shuttle(-1),
    "shuttle-stop": () => player.stop(),
    "shuttle-forward": () => player.shuttle(1),
    slower: () => player.faster(-1),
    faster: () => player.faster(),
    "step-back": () => player.step(-1),
    "step-forward": () => player.step(1),
    "leap-back": () => player.step(-10),
    "leap-forward": () => player.step(10),
    "first-frame": () => player.goTo(0),
    "last-frame": () => player.goTo(table.n - 1),
    "go-to": () => openGoTo(find("#go-to"), { player, table }),
    loop,
    "play-around": () => player.around(nearerEdge(timeline.chosen(), player.target)),
    "mark-begin": () => editor.markBegin(),
    "mark-end": () => editor.markEnd(),
    "set-begin": () => editor.setEdge("begin"),
    "set-end": () => editor.setEdge("end"),
    "begin-earlier": () => editor.nudge("begin", -1),
    "begin-later": () => editor.nudge("begin", 1),
    "begin-earlier-5": () => editor.nudge("begin", -5),
    "begin-later-5": () => editor.nudge("begin", 5),
    "end-earlier": () => editor.nudge("end", -1),
    "end-later": () => editor.nudge("end", 1),
    "end-earlier-5": () => editor.nudge("end", -5),
    "end-later-5": () => editor.nudge("end", 5),
    split: () => editor.split(),
    merge: () => editor.merge(),
    duplicate: () => editor.duplicate(),
    "extend-end": () => editor.extend(1),
    "extend-begin": () => editor.extend(-1),
    "class-keys": () => editor.nextClassKeys(),
    previous: () => editor.go(-1),
    next: () => editor.go(1),
    "next-to-decide": () => editor.nextToDecide(),
    "next-video": () => onward.go(),
    accept: () => (compare.chosen() ? compare.copy() : editor.accept()),
    reject: () => editor.reject(),
    complete: () => find("#complete").click(),
    remove: () => editor.remove(),
    unsure: () => editor.change("unsure", !editor.chosen()?.unsure),
    note: () => detail.openNote(),
    palette,
    region: () => ui.set({ region: !ui.region }),
    rule: () => rules.toggle(),
    why: () => why.toggle(),
    figures: () => ui.set({ figures: !ui.figures }),
    history: () => log.open(),
    ...timeline.verbs(),
    cancel: () => compare.drop() || (editor.resting && rules.close()) || editor.cancel(),
    undo: () => {
      toast.hide();
      if (consensus.means("undo")) consensus.step("undo");
      else editor.undo();
    },
    redo: () => (consensus.means("redo") ? consensus.step("redo") : editor.redo()),
    sheet: () => find("#sheet").showModal(),
  };
  return (name) => {
    if (!player.source) return null;
    const act = () => {
      verbs[name]?.();
      if (REVEALS.includes(name)) timeline.reveal();
    };
    return PROVEN.includes(name) ? player.onceProven(act) : act();
  };
}
