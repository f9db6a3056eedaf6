// My settings: each choice is kept at once; for admins also the people of the site.

import { get, patch, post } from "./api.js";
import { refresh, tell } from "./base.js";
import { fill, gettext, language } from "./workspace/i18n.js";
import { KeySettings } from "./workspace/keysettings.js";
import { KeySheet } from "./workspace/keysheet.js";
import { Preferences } from "./workspace/preferences.js";
import { learned } from "./workspace/reaction.js";

const find = (selector, root = document) => root.querySelector(selector);

const A_YEAR_S = 365 * 24 * 3600;

/** Light or dark belongs to the screen, so it is kept on this device: the server reads it with the page. */
function setLook(theme) {
  document.cookie = `theme=${theme}; path=/; max-age=${theme ? A_YEAR_S : 0}; samesite=lax`;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

async function keep(changes) {
  const kept = find("#kept");
  kept.textContent = "";
  const all = await patch("me/preferences/", changes);
  kept.textContent = gettext("Kept.");
  if ("language" in changes) location.reload();
  return all;
}

/** The number in a field as the preference has it (milliseconds), or null where it makes no sense. */
function valueOf(input) {
  const number = input.value.trim() === "" ? NaN : Number(input.value.replace(",", "."));
  const inside = number >= Number(input.min) && number <= Number(input.max);
  if (!inside) return null;
  return Math.round("seconds" in input.dataset ? number * 1000 : number);
}

function showMarking(preferences) {
  const form = find("#settings-form");
  const reaction = preferences.get("reaction_ms");
  find("#reaction-on").checked = Boolean(reaction);
  form.reaction_ms.disabled = !reaction;
  for (const input of form.querySelectorAll("input[type=number]")) {
    const ms = preferences.get(input.name) ?? 0;
    if (document.activeElement !== input) input.value = "seconds" in input.dataset ? ms / 1000 : ms || "";
  }
  for (const radio of form.querySelectorAll("[name=class_keys]")) radio.checked = radio.value === preferences.get("class_keys");
  const said = learned(preferences.get("reaction_samples"));
  const line = find("#learned");
  line.hidden = !said || said.ms === (reaction ?? 0);
  if (said) find("span", line).textContent = fill(gettext("Your last %(n)s corrections say %(ms)s ms."), said);
  find("#language-choice").value = preferences.get("language");
}

function follow(preferences) {
  const form = find("#settings-form");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    if (target.id === "reaction-on") {
      const usual = learned(preferences.get("reaction_samples"))?.ms || 200;
      preferences.set({ reaction_ms: target.checked ? usual : null });
    } else if (target.type === "radio") preferences.set({ class_keys: target.value });
    else {
      const value = valueOf(target);
      target.setAttribute("aria-invalid", String(value === null));
      if (value !== null) preferences.set({ [target.name]: value });
    }
  });
  find("#learned button").addEventListener("click", () => {
    preferences.set({ reaction_ms: learned(preferences.get("reaction_samples")).ms });
  });
  find("#look-choice").addEventListener("change", ({ target }) => setLook(target.value));
  find("#language-choice").addEventListener("change", ({ target }) => {
    preferences.set({ language: target.value });
    preferences.flush();
  });
}

// -- people -----------------------------------------------------------------------------------------------------------

function showLink({ person, link }) {
  const box = find("#invitation");
  box.hidden = false;
  find("p", box).textContent = fill(gettext("Give this link to %(name)s. It sets the password, once."), { name: person.name });
  find("input", box).value = link;
  find("input", box).select();
}

async function onPeople(work) {
  const place = find("#people");
  tell(place, "");
  try {
    const result = await work();
    await refresh("accounts");
    if (result?.link) showLink(result);
  } catch (failure) {
    tell(place, failure.message);
  }
}

function people() {
  const place = find("#people");
  if (!place) return;
  place.addEventListener("change", ({ target }) => {
    if ("role" in target.dataset) onPeople(() => patch(`people/${target.dataset.person}/`, { role: target.value }));
  });
  place.addEventListener("click", ({ target }) => {
    const { person, active } = target.closest("button")?.dataset ?? {};
    if (active) onPeople(() => patch(`people/${person}/`, { active: active === "true" }));
    else if (person) onPeople(() => post(`people/${person}/link/`));
  });
  const form = find("#invite");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    tell(form, "");
    try {
      const made = await post("people/", { name: form.name.value, email: form.email.value, role: form.role.value });
      form.reset();
      await refresh("accounts");
      showLink(made);
    } catch (failure) {
      tell(form, failure.message);
    }
  });
  find("#invitation button").addEventListener("click", async () => {
    const input = find("#invitation input");
    input.select();
    await navigator.clipboard?.writeText(input.value).catch(() => {});
  });
}

async function start() {
  people();
  const preferences = new Preferences(await get("me/preferences/"), { send: keep });
  const settings = new KeySettings({ preferences, language: language() });
  new KeySheet(find("#key-sheet"), settings);
  preferences.subscribe(() => showMarking(preferences));
  follow(preferences);
  showMarking(preferences);
  await settings.label();
  document.body.dataset.ready = "true";
}

start();
