// The class palette, "go to", what was done, and the question when two tabs disagree.

import { find, h, swatch } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { parseTarget } from "./timecode.js";

/** Dialogs close on a press beside them, and give the focus back to the page. */
export function prepareDialogs() {
  for (const dialog of document.querySelectorAll("dialog.ws-dialog")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.querySelectorAll("[data-close]").forEach((button) => button.addEventListener("click", () => dialog.close()));
  }
}

export function openGoTo(dialog, { player, table }) {
  const input = find("input", dialog);
  const error = find(".form-error", dialog);
  error.hidden = true;
  input.value = String(player.frame);
  dialog.showModal();
  input.select();
  dialog.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    const target = parseTarget(input.value);
    const frame = target && (target.frame ?? table.at(target.seconds));
    const inside = target && (target.frame === undefined ? target.seconds <= table.duration : frame < table.n);
    error.hidden = Boolean(inside);
    if (!inside) {
      error.textContent = fill(gettext("Give a frame from 0 to %(last)s, or a time such as 1:02.5."), { last: table.n - 1 });
      return input.select();
    }
    dialog.close();
    player.goTo(frame);
  };
}

/** Opens the search over the classes of `tree()`; `pick(move)` takes what was found. */
export function buildPalette(dialog, { tree, pick }) {
  const input = find("input", dialog);
  const list = find("[role=listbox]", dialog);
  let at = 0;
  let found = [];

  const draw = () => {
    list.replaceChildren(...found.map((move, index) =>
      h("li", { role: "option", id: `found-${index}`, "data-index": index, "aria-selected": String(index === at) },
        h("span", { class: swatch(move.look) }), h("span", {}, move.label), h("span.quiet.small", {}, move.acronym))));
    input.setAttribute("aria-activedescendant", found.length ? `found-${at}` : "");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const search = () => {
    found = tree().search(input.value);
    at = 0;
    draw();
  };
  const choose = (index) => {
    dialog.close();
    if (found[index]) pick(found[index].name);
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by && event.key !== "Enter") return;
    event.preventDefault();
    if (!by) return choose(at);
    at = Math.min(Math.max(0, at + by), found.length - 1);
    draw();
  });
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[data-index]");
    if (option) choose(Number(option.dataset.index));
  });
  return () => {
    input.value = "";
    search();
    dialog.showModal();
    input.focus();
  };
}
