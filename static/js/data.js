// Data: import with a dry run first, new sets of classes, splits, bundles, jobs tried again.

import { post } from "./api.js";
import { refresh, tell } from "./base.js";

const report = document.getElementById("import-report");
const importForm = document.getElementById("import-form");
const classesForm = document.getElementById("classes-form");

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function show(id, text) {
  const line = document.getElementById(id);
  line.textContent = text;
  line.hidden = !text;
}

function figure(count, text) {
  const made = element("p");
  made.append(element("strong", String(count)), text);
  return made;
}

function lines(result) {
  const list = element("ul", "", "report-lines");
  for (const each of result.refused) {
    const where = each.line ? `${interpolate(gettext("Line %s"), [each.line])}: ` : "";
    list.append(element("li", where + each.message, "report-bad"));
  }
  const there = gettext("already there");
  for (const each of result.duplicate) list.append(element("li", `${stroke(each)} · ${there}`, "quiet"));
  for (const each of result.add) list.append(element("li", stroke(each)));
  return list;
}

function stroke({ begin, end, move }) {
  return `${begin}–${end}  ${move || gettext("no class")}`;
}

function question() {
  const set = element("fieldset");
  set.append(element("legend", gettext("Does this file hold every stroke of the video?"), "field-name"));
  const choices = [
    ["1", gettext("Yes, all of them: what lies between is no stroke, and the network may learn that.")],
    ["0", gettext("No, or not sure.")],
  ];
  for (const [value, text] of choices) {
    const label = element("label", "", "check");
    const input = element("input");
    Object.assign(input, { type: "radio", name: "complete", value, required: true });
    label.append(input, element("span", text));
    set.append(label);
  }
  return set;
}

function address(dryRun, complete = "0", skipBad = "0") {
  const { video, inclusive } = importForm;
  const query = { video: video.value, inclusive: inclusive.value, dry_run: dryRun, complete, skip_bad: skipBad };
  return `imports/?${new URLSearchParams(query)}`;
}

const send = (where, xml) => post(where, xml, { "Content-Type": "application/xml" });

function showPlan(result, xml) {
  const form = element("form", "", "report");
  const figures = element("div", "", "report-figures");
  figures.append(
    figure(result.add.length, gettext("to add")),
    figure(result.duplicate.length, gettext("already there")),
    figure(result.refused.length, gettext("refused")),
  );
  const some = result.refused.length > 0;
  const words = some ? gettext("Import without the refused lines") : gettext("Import these strokes");
  const button = element("button", words, "button button-main");
  button.disabled = result.add.length === 0;
  const buttons = element("div", "", "import-buttons");
  buttons.append(button);
  form.append(figures, lines(result), question(), buttons);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const done = await send(address("0", form.complete.value, some ? "1" : "0"), xml);
      const text = ngettext("%s stroke is now in your lane.", "%s strokes are now in your lane.", done.add.length);
      const line = element("p", `${interpolate(text, [done.add.length])} `, "form-good");
      const link = element("a", gettext("Open the video"));
      link.href = `/videos/${importForm.video.value}/`;
      line.append(link);
      report.replaceChildren(line);
    } catch (failure) {
      show("import-error", failure.message);
      button.disabled = false;
    }
  });
  report.replaceChildren(form);
}

async function plan(event) {
  event.preventDefault();
  show("import-error", "");
  report.replaceChildren();
  try {
    const xml = await importForm.file.files[0].text();
    showPlan(await send(address("1"), xml), xml);
  } catch (failure) {
    show("import-error", failure.message);
  }
}

/** A taxonomy file as it is, or names one per line with the name of the set. */
async function classes() {
  const file = classesForm.file.files[0];
  const text = file ? await file.text() : classesForm.names.value;
  const name = classesForm.elements.namedItem("name").value.trim();
  if (/^\s*[[{]/.test(text)) {
    const body = JSON.parse(text);
    return Array.isArray(body) ? { name, moves: body } : { ...body, ...(name ? { name } : {}) };
  }
  return { name, moves: text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean) };
}

async function addClasses(event) {
  event.preventDefault();
  show("classes-error", "");
  show("classes-done", "");
  try {
    const made = await post("taxonomies/", await classes());
    const text = gettext("“%s” is here, revision %s. Choose it when you upload a video.");
    classesForm.reset();
    await refresh("classes-list");
    show("classes-done", interpolate(text, [made.name, made.revision]));
  } catch (failure) {
    const unreadable = gettext("This file is not JSON that can be read. Nothing was changed.");
    show("classes-error", failure instanceof SyntaxError ? unreadable : failure.message);
  }
}

/** Make the bundle, then hand it over like any download. */
async function bundle(event) {
  const form = event.target.closest("form[action*='format=bundle']");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  show("exports-error", "");
  try {
    const { blob, name } = await post(form.getAttribute("action"));
    const link = element("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    await refresh("splits");
  } catch (failure) {
    show("exports-error", failure.message);
  } finally {
    button.disabled = false;
  }
}

async function act(button) {
  const block = button.closest(".block");
  button.disabled = true;
  try {
    if (button.dataset.split) await post("splits/", { taxonomy: Number(button.dataset.split) });
    else await post(`jobs/${button.dataset.retry}/retry/`);
    await refresh(block.id);
  } catch (failure) {
    tell(block, failure.message);
    button.disabled = false;
  }
}

importForm?.addEventListener("submit", plan);
importForm?.addEventListener("change", () => report.replaceChildren());
classesForm?.addEventListener("submit", addClasses);
document.addEventListener("submit", bundle);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-split], [data-retry]");
  if (button) act(button);
});
