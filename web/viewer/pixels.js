// SPDX-License-Identifier: Apache-2.0
// From the bytes of one frame, native and little endian (PS3.5 8.1.1), to what is drawn.
//
// Grey and palette frames become indices of 16 bits: index * scale + offset is the stored value. Colour becomes RGBA.

/** Why a frame cannot be shown; `code` is a phrase, `detail` what was found and expected. */
export class FrameError extends Error {
  constructor(code, detail) {
    super(detail ? `${code}: ${detail}` : code);
    this.code = code;
    this.detail = detail ?? "";
  }
}

const bytesPerFrame = (layout) => Math.ceil(
  (layout.rows * layout.columns * layout.samples * layout.bitsAllocated) / 8);

/**
 * `layout` has rows, columns, samples, bitsAllocated, bitsStored, highBit, isSigned, photometric, planar, overlayBits and
 * isFloat. `isRGB`: who decoded it made RGB of it.
 */
export function decodeFrame(buffer, layout, isRGB) {
  const { rows, columns, samples } = layout;
  if (!(rows > 0 && columns > 0 && rows * columns <= 1 << 28)) {
    throw new FrameError("badSize", `${rows} x ${columns}`);
  }
  const expected = bytesPerFrame(layout);
  const isSubsampled = samples === 3 && /_422$/.test(layout.photometric) && buffer.byteLength === rows * columns * 2;
  if (buffer.byteLength < expected && !isSubsampled) {
    throw new FrameError("truncated", `${buffer.byteLength} / ${expected}`);
  }
  if (samples === 1) return indices(buffer, layout);
  if (samples !== 3 || layout.bitsAllocated !== 8 && layout.bitsAllocated !== 16) {
    throw new FrameError("unsupported", `${samples} x ${layout.bitsAllocated} bit ${layout.photometric}`);
  }
  return colour(buffer, layout, isRGB, isSubsampled);
}

function indices(buffer, layout) {
  const count = layout.rows * layout.columns;
  if (layout.isFloat || layout.bitsAllocated > 16) return wide(buffer, layout, count);
  const data = new Uint16Array(count);
  const { bitsStored, highBit, isSigned } = layout;
  const overlays = {};
  const offset = isSigned ? -(2 ** (bitsStored - 1)) : 0;
  if (layout.bitsAllocated === 1) {
    const bytes = new Uint8Array(buffer);
    for (let index = 0; index < count; index += 1) data[index] = (bytes[index >> 3] >> (index & 7)) & 1;
  } else {
    const source = layout.bitsAllocated === 8 ? new Uint8Array(buffer) : words(buffer, count);
    const shift = Math.max(highBit + 1 - bitsStored, 0);
    const mask = 2 ** bitsStored - 1;
    // In two's complement the other sign bit makes an index that grows with the value.
    const turn = isSigned ? 2 ** (bitsStored - 1) : 0;
    for (let index = 0; index < count; index += 1) data[index] = ((source[index] >> shift) & mask) ^ turn;
    for (const bit of layout.overlayBits ?? []) {
      overlays[bit] = Uint8Array.from(source.subarray(0, count), (word) => (word >> bit) & 1);
    }
  }
  let [low, high] = [65535, 0];
  for (let index = 0; index < count; index += 1) {
    if (data[index] < low) low = data[index];
    if (data[index] > high) high = data[index];
  }
  const levels = layout.bitsAllocated === 1 ? 2 : 2 ** bitsStored;
  return { kind: "grey", data, scale: 1, offset, count: levels, lowest: low + offset, highest: high + offset, overlays };
}

const words = (buffer, count) => new Uint16Array(buffer, 0, count);

/** More than 16 bits are kept as they are for who asks for a value, and drawn in 65536 levels. */
function wide(buffer, layout, count) {
  const kinds = { 32: layout.isSigned ? Int32Array : Uint32Array, 64: null };
  const Kind = layout.isFloat ? (layout.bitsAllocated === 64 ? Float64Array : Float32Array) : kinds[layout.bitsAllocated];
  if (!Kind) throw new FrameError("unsupported", `${layout.bitsAllocated} bit`);
  const exact = new Kind(buffer, 0, count);
  let [low, high] = [Infinity, -Infinity];
  for (const one of exact) {
    if (one < low) low = one;
    if (one > high) high = one;
  }
  if (!(high >= low)) [low, high] = [0, 0];
  const scale = high > low ? (high - low) / 65535 : 1;
  const data = Uint16Array.from(exact, (one) => Math.round((one - low) / scale));
  return { kind: "grey", data, exact, scale, offset: low, count: 65536, lowest: low, highest: high, overlays: {} };
}

function colour(buffer, layout, isRGB, isSubsampled) {
  const count = layout.rows * layout.columns;
  const source = layout.bitsAllocated === 8 ? new Uint8Array(buffer) : words(buffer, 3 * count);
  const shift = layout.bitsAllocated === 8 ? 0 : Math.max(layout.bitsStored - 8, 0);
  const data = new Uint8ClampedArray(4 * count);
  const isYBR = !isRGB && /^YBR_(FULL|PARTIAL)/.test(layout.photometric);
  const isPartial = layout.photometric.startsWith("YBR_PARTIAL");
  const isPlanar = layout.planar === 1 && !isSubsampled;
  for (let pixel = 0; pixel < count; pixel += 1) {
    let [a, b, c] = [0, 0, 0];
    if (isSubsampled) {
      // Y Y B R for each two pixels (PS3.3 C.7.6.3.1.2).
      const pair = 4 * (pixel >> 1);
      [a, b, c] = [source[pair + (pixel & 1)], source[pair + 2], source[pair + 3]];
    } else if (isPlanar) {
      [a, b, c] = [source[pixel] >> shift, source[count + pixel] >> shift, source[2 * count + pixel] >> shift];
    } else {
      [a, b, c] = [source[3 * pixel] >> shift, source[3 * pixel + 1] >> shift, source[3 * pixel + 2] >> shift];
    }
    const at = 4 * pixel;
    if (isYBR) {
      const y = isPartial ? ((a - 16) * 255) / 219 : a;
      const span = isPartial ? 255 / 224 : 1;
      const [blue, red] = [(b - 128) * span, (c - 128) * span];
      data[at] = y + 1.402 * red;
      data[at + 1] = y - 0.344136 * blue - 0.714136 * red;
      data[at + 2] = y + 1.772 * blue;
    } else {
      [data[at], data[at + 1], data[at + 2]] = [a, b, c];
    }
    data[at + 3] = 255;
  }
  return { kind: "colour", data, overlays: {} };
}

/** The stored value at a pixel. */
export function storedAt(frame, index) {
  return frame.exact ? frame.exact[index] : frame.data[index] * frame.scale + frame.offset;
}

/** Bytes that a frame keeps in memory. */
export function bytesOfFrame(frame) {
  const overlays = Object.values(frame.overlays ?? {}).reduce((sum, bits) => sum + bits.byteLength, 0);
  return frame.data.byteLength + (frame.exact?.byteLength ?? 0) + overlays;
}
