// The class tree with its keys: six groups as they lie under the left hand, each with its numbered leaves.

import { NEGATIVE } from "./classtree.js";
import { h, swatch } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { figure } from "./scores.js";

export function buildClasses(root, tree, pick) {
  const leaf = (move, digit, text) => {
    const button = h(`button.leaf.${swatch(move.look).split(" ").slice(1).join(".")}`, { type: "button", "data-move": move.name, title: move.label },
      h("kbd", {}, String(digit)), h("span.leaf-name", {}, text));
    button.addEventListener("click", () => pick(move.name));
    return button;
  };
  for (const group of tree.groups) {
    const leaves = group.leaves.map((move) => leaf(move, move.digit, move.leaf));
    const attributes = { "data-group": group.name, role: "group", "aria-label": group.label };
    root.append(h("div.group", attributes, head(group, pick), ...leaves));
  }
  const negative = leaf(tree.entry(NEGATIVE), 0, tree.entry(NEGATIVE).label);
  negative.title = gettext("Not a stroke: picking up the ball, a practice swing, somebody else");
  const search = h("button.button.button-quiet.button-small", { type: "button", "data-action": "palette", title: gettext("Find a class") },
    gettext("Find"), h("kbd", { "data-key": "palette" }));
  root.append(h("div.classes-foot", {}, negative, search));
  root.classList.toggle("classes-long", tree.groups.some((group) => group.leaves.length > 5));
}

/** The head of a group; where the taxonomy allows it, pressing it labels the type and hand only. */
function head(group, pick) {
  const content = [h(`span.${swatch(group.look).replaceAll(" ", ".")}`), h("span.group-name", {}, group.label),
    group.key ? h("kbd", { "data-code": group.key }) : null];
  if (!group.partial) return h("div.group-head", { title: group.label }, ...content);
  const title = fill(gettext("%(name)s, not sure which: the group key, then 0"), { name: group.label });
  const button = h("button.group-head", { type: "button", "data-move": group.name, title }, ...content);
  button.addEventListener("click", () => pick(group.name));
  return button;
}

/** Show which class is chosen, which group waits, and what the model thinks of each. */
export function showClasses(root, { move, group, top }) {
  root.classList.toggle("is-pending", Boolean(group));
  for (const element of root.querySelectorAll("[data-group]")) {
    element.classList.toggle("is-waiting", group?.name === element.dataset.group);
  }
  const scores = new Map(top ?? []);
  for (const button of root.querySelectorAll("[data-move]")) {
    const name = button.dataset.move;
    button.setAttribute("aria-pressed", String(name === move));
    button.classList.toggle("is-likely", scores.has(name));
    const says = fill(gettext("model: %(score)s"), { score: figure(scores.get(name) ?? 0) });
    button.dataset.says = scores.has(name) ? says : "";
  }
}
