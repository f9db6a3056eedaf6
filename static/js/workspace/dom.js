// Small tools for building pieces of the page. Text is always text, never markup.

export const find = (selector, root = document) => root.querySelector(selector);

/** h("button.leaf", {type: "button"}, "text", child) */
export function h(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const swatch = (look) => `swatch swatch-${look.hue}${look.dark ? " swatch-dark" : ""}`;

/** Set text only when it differs, so that nothing is laid out anew at every picture. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
