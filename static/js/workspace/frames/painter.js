// The canvas over the <video>: exact pictures are drawn here, at once, and it is hidden while the <video> plays.

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  /** Draw `image`; it is on screen with the browser's next frame. */
  paint(image) {
    const { canvas } = this;
    const width = image.displayWidth ?? image.width; // a VideoFrame, or a bitmap
    const height = image.displayHeight ?? image.height;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.context.drawImage(image, 0, 0);
    if (canvas.hidden) canvas.hidden = false;
  }

  /** Draw the picture that `video` has now. */
  copy(video) {
    const { canvas } = this;
    const { videoWidth: width, videoHeight: height } = video;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.context.drawImage(video, 0, 0);
    canvas.hidden = false;
  }

  /** Let the <video> be seen. */
  uncover() {
    this.canvas.hidden = true;
  }
}
