// The page's language. Under node, or before the catalogue is there, every text is its English source.

const source = (text) => text;

export const gettext = (text) => (globalThis.gettext ?? source)(text);

export const ngettext = (one, many, count) =>
  globalThis.ngettext ? globalThis.ngettext(one, many, count) : count === 1 ? one : many;

/** Fill "%(name)s" places of a translated text. */
export function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export const language = () => globalThis.document?.documentElement.lang || "en";
