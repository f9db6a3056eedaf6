// All strokes found, by their place in the order, fetched a page at a time as they come up.

export class Sequence {
  #pages = new Map();

  /** fetchPage(number from 1) resolves to the strokes of that page. */
  constructor({ count, size, fetchPage }) {
    Object.assign(this, { count, size, fetchPage });
  }

  #page(number) {
    if (!this.#pages.has(number)) {
      const asked = this.fetchPage(number);
      asked.catch(() => this.#pages.delete(number));
      this.#pages.set(number, asked);
    }
    return this.#pages.get(number);
  }

  pageOf(index) {
    return Math.floor(index / this.size) + 1;
  }

  /** The stroke at `index`; null outside. */
  async at(index) {
    if (index < 0 || index >= this.count) return null;
    const page = await this.#page(this.pageOf(index));
    return page[index % this.size] ?? null;
  }

  /** Those at `index` and the `more` after it, as far as there are any. */
  async from(index, more) {
    const found = await Promise.all(Array.from({ length: more + 1 }, (_, k) => this.at(index + k)));
    return found.filter(Boolean);
  }

  /** Where the stroke with `id` stands on page `number`; the page's first place if it is not there any more. */
  async find(id, number) {
    const first = (number - 1) * this.size;
    const page = await this.#page(number);
    return first + Math.max(0, page.findIndex((one) => one.id === id));
  }
}
