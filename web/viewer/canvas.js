// SPDX-License-Identifier: Apache-2.0
// Draws a frame on a 2D canvas, where there is no WebGL2 or the frame is larger than its textures.
import { invert } from "./matrix.js";

export class CanvasRenderer {
  constructor(canvas) {
    Object.assign(this, { canvas, context: canvas.getContext("2d", { alpha: false }), name: "canvas" });
    this.picture = document.createElement("canvas");
    this.drawn = {};
  }

  takes() {
    return true;
  }

  /** The frame in its own size, its table applied; kept until one of the two is another. */
  paint(frame, rows, columns, table, isInverted) {
    const { drawn, picture } = this;
    if (drawn.frame === frame && drawn.table === table && drawn.isInverted === isInverted) return;
    this.drawn = { frame, table, isInverted };
    [picture.width, picture.height] = [columns, rows];
    const context = picture.getContext("2d", { alpha: false });
    const image = context.createImageData(columns, rows);
    if (frame.kind === "colour") {
      image.data.set(frame.data);
      if (isInverted) for (let at = 0; at < image.data.length; at += 1) if (at % 4 !== 3) image.data[at] ^= 255;
    } else {
      const pixels = new Uint32Array(image.data.buffer);
      const words = new Uint32Array(frame.count);
      for (let index = 0; index < words.length; index += 1) {
        const [r, g, b] = table.colours ? table.colours.subarray(4 * index, 4 * index + 3)
          : [table.levels[index], table.levels[index], table.levels[index]];
        const flip = isInverted ? 0xffffff : 0;
        words[index] = (0xff000000 | (((b << 16) | (g << 8) | r) ^ flip)) >>> 0;
      }
      for (let at = 0; at < frame.data.length; at += 1) pixels[at] = words[frame.data[at]];
    }
    context.putImageData(image, 0, 0);
  }

  draw({ frame, rows, columns, table, toImage, isSmooth, isInverted }) {
    this.paint(frame, rows, columns, table, isInverted);
    this.clear();
    this.context.setTransform(...invert(toImage));
    this.context.imageSmoothingEnabled = isSmooth;
    this.context.drawImage(this.picture, 0, 0);
  }

  clear() {
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }
}
