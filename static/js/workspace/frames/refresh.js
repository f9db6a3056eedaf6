// How many pictures the screen shows a second, measured; nobody tells a page.

const SAMPLES = 24;

export class Refresh {
  constructor() {
    this.rate = 60;
    this.measured = document.hidden ? Promise.resolve() : this.#measure();
  }

  #measure() {
    return new Promise((resolve) => {
      const gaps = [];
      let before = null;
      const step = (now) => {
        if (before !== null) gaps.push(now - before);
        before = now;
        if (gaps.length < SAMPLES) return requestAnimationFrame(step);
        gaps.sort((a, b) => a - b);
        this.rate = 1000 / gaps[SAMPLES >> 1];
        return resolve();
      };
      requestAnimationFrame(step);
    });
  }
}
