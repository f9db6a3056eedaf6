// The Classes page: an example plays while the pointer or the focus is on it, or after a press; admins edit the rules.

import { patch } from "./api.js";
import { refresh } from "./base.js";

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

/** Keep a film of a longer video inside its stretch. */
function stay(film) {
  const begin = Number(film.dataset.begin);
  const end = Number(film.dataset.end);
  if (film.paused || !film.dataset.end || (film.currentTime >= begin - 0.05 && film.currentTime < end)) return;
  film.currentTime = begin;
}

/** Standing still it shows a moment at which the stroke can be told. */
function rest(film) {
  film.pause();
  film.currentTime = Number(film.dataset.still);
}

function play(button, on) {
  const film = button.querySelector("video");
  button.setAttribute("aria-pressed", String(on));
  if (!on) return rest(film);
  if (!film.paused) return;
  film.currentTime = Number(film.dataset.begin);
  film.play().catch(() => rest(film)); // not allowed before a press
}

const buttonOf = (event) => event.target.closest?.(".example-play");
document.addEventListener("timeupdate", (event) => stay(event.target), true);
document.addEventListener("loadedmetadata", (event) => rest(event.target), true);
for (const film of document.querySelectorAll(".example-film")) if (film.readyState > 0) rest(film);
for (const [name, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
  document.addEventListener(name, (event) => {
    const button = buttonOf(event);
    if (button && !calm.matches) play(button, on);
  });
}
document.addEventListener("click", (event) => {
  const button = buttonOf(event);
  if (button) play(button, calm.matches ? button.querySelector("video").paused : true);
});
document.getElementById("set")?.addEventListener("change", (event) => event.target.form.submit());

const dialog = document.getElementById("edit-rule");
if (dialog) {
  const form = dialog.querySelector("form");
  const error = dialog.querySelector(".form-error");
  let about = "";
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-edit]");
    if (!button) return;
    about = button.dataset.edit;
    form.en.value = button.dataset.en;
    form.fr.value = button.dataset.fr;
    error.hidden = true;
    dialog.showModal();
  });
  dialog.querySelector("[data-save]").addEventListener("click", async () => {
    const { taxonomy } = document.getElementById("classes-page").dataset;
    try {
      await patch(`taxonomies/${taxonomy}/classes/`, { about, en: form.en.value, fr: form.fr.value });
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
      return;
    }
    dialog.close();
    await refresh("classes-page");
    document.getElementById("said").textContent = gettext("The rule is saved.");
  });
}
