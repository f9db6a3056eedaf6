// Small choices that this browser remembers: whether scores show figures, and which suggestion comes next.

const NAMES = { figures: "topspin.figures", order: "topspin.order" };

/** {figures, order} as last chosen here. */
export function choices(storage) {
  try {
    return { figures: storage.getItem(NAMES.figures) === "on", order: storage.getItem(NAMES.order) === "useful" ? "useful" : "video" };
  } catch {
    return { figures: false, order: "video" };
  }
}

export function remember(storage, { figures, order }) {
  try {
    storage.setItem(NAMES.figures, figures ? "on" : "off");
    storage.setItem(NAMES.order, order);
  } catch {
    // A private window may forget the choice; the page works the same.
  }
}
