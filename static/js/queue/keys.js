// The queue's keys: the workspace's, as far as they mean something here, and O to open the video at this stroke.

import { ClassChord, actionOf } from "../workspace/keymap.js";
import { hearPageKeys } from "../workspace/pagekeys.js";

/** What an action of the workspace does here. */
const HERE = {
  play: "play", loop: "play", accept: "accept", reject: "reject", remove: "reject", unsure: "later", undo: "undo", redo: "redo",
  slower: "slower", faster: "faster", "shuttle-back": "slower", "shuttle-forward": "faster", "shuttle-stop": "play",
  "step-back": "earlier", "step-forward": "later-edge", "leap-back": "earlier-5", "leap-forward": "later-edge-5",
  "begin-earlier": "begin-earlier", "begin-later": "begin-later", "begin-earlier-5": "begin-earlier-5", "begin-later-5": "begin-later-5",
  "end-earlier": "end-earlier", "end-later": "end-later", "end-earlier-5": "end-earlier-5", "end-later-5": "end-later-5",
  previous: "edge-begin", next: "edge-end", cancel: "cancel", sheet: "sheet", palette: "palette",
};
const OWN = { KeyO: "open", KeyZ: "undo" };
const HELD = /earlier|later-edge|begin-later|end-later/;

/** run(name), classify(move), top(index), waiting(group or null); `tree()` is the tree of the current video. */
export function attachKeys({ settings, tree, run, classify, top, waiting, active }) {
  let chord = null;

  const chordOf = () => {
    if (tree() && chord?.tree !== tree()) chord = new ClassChord(tree());
    return chord;
  };
  const pressed = (event) => {
    const meaning = chordOf()?.press(event);
    if (!meaning) return false;
    waiting(meaning.group ?? null);
    if (meaning.move) classify(meaning.move);
    else if (meaning.top !== undefined) top(meaning.top);
    return true;
  };

  hearPageKeys((event) => {
    const { single, bindings } = settings;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    if (single && !event.repeat && pressed(event)) return event.preventDefault();
    const name = (single && plain && OWN[event.code]) || HERE[actionOf(event, single, bindings)];
    if (!name) return;
    event.preventDefault();
    if (event.repeat && !HELD.test(name)) return;
    if (name === "cancel") {
      chord?.clear();
      waiting(null);
    }
    active();
    run(name);
  });
}
