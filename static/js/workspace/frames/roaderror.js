// Why a road to the pictures cannot be gone: a reason (words.js says it in words) and a detail.

export class RoadError extends Error {
  constructor(reason, detail = null) {
    super(reason);
    Object.assign(this, { reason, detail });
  }
}
