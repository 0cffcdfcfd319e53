// SPDX-License-Identifier: Apache-2.0
// JPEG-LS (ISO/IEC 14495-1 = ITU-T T.87), lossless and near-lossless, one component, as DICOM has it for grey and palette
// images. Names are the standard's.
import { FrameError } from "./pixels.js";

const J = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

const wrong = (detail) => new FrameError("damaged", `JPEG-LS: ${detail}`);

/** Marker segments up to the scan: {width, height, precision, near, start, preset}. */
function header(bytes) {
  const found = { near: 0 };
  let at = 2;
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw wrong("no SOI");
  for (;;) {
    if (at + 4 > bytes.length || bytes[at] !== 0xff) throw wrong(`no marker at ${at}`);
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const size = (bytes[at + 2] << 8) | bytes[at + 3];
    const word = (offset) => (bytes[at + 4 + offset] << 8) | bytes[at + 5 + offset];
    if (marker === 0xf7) {
      Object.assign(found, { precision: bytes[at + 4], height: word(1), width: word(3), components: bytes[at + 9] });
    } else if (marker === 0xf8) {
      if (bytes[at + 4] !== 1) throw new FrameError("unsupported", "JPEG-LS: mapping tables");
      found.preset = { MAXVAL: word(1), T1: word(3), T2: word(5), T3: word(7), RESET: word(9) };
    } else if (marker === 0xdd) {
      if (word(0) !== 0) throw new FrameError("unsupported", "JPEG-LS: restart intervals");
    } else if (marker === 0xda) {
      found.near = bytes[at + 5 + 2 * bytes[at + 4]];
      found.start = at + 2 + size;
      if (found.width === undefined) throw wrong("no frame header");
      return found;
    }
    at += 2 + size;
  }
}

/** Bits behind stuffed zeros: after 0xFF a byte has seven (T.87 A.1). */
class Bits {
  constructor(bytes, at) {
    Object.assign(this, { bytes, at, held: 0, count: 0, past: 0 });
  }

  fill() {
    while (this.count <= 24) {
      const { bytes, at } = this;
      if (at >= bytes.length || bytes[at] === 0xff && (bytes[at + 1] ?? 0xff) & 0x80) {
        // Behind the end there are zeros, but not many are needed.
        this.past += 1;
        if (this.past > 64) throw wrong("data ends early");
        this.held <<= 8;
        this.count += 8;
        continue;
      }
      const byte = bytes[at];
      const size = at > 0 && bytes[at - 1] === 0xff && this.isBehind ? 7 : 8;
      this.isBehind = byte === 0xff;
      this.held = (this.held << size) | byte;
      this.count += size;
      this.at += 1;
    }
  }

  bit() {
    if (this.count === 0) this.fill();
    this.count -= 1;
    return (this.held >>> this.count) & 1;
  }

  take(size) {
    let value = 0;
    for (let left = size; left > 0;) {
      if (this.count === 0) this.fill();
      const some = Math.min(left, this.count);
      this.count -= some;
      value = (value << some) | ((this.held >>> this.count) & ((1 << some) - 1));
      left -= some;
    }
    return value;
  }

  /** Zeros before the next one. */
  zeros() {
    let zeros = 0;
    while (this.bit() === 0) zeros += 1;
    return zeros;
  }

  golomb(k, limit, qbpp) {
    const high = this.zeros();
    return high < limit - qbpp - 1 ? (high << k) | this.take(k) : this.take(qbpp) + 1;
  }
}

/** Default thresholds (T.87 C.2.4.1.1). */
function thresholds(MAXVAL, NEAR) {
  const clamp = (i, j) => (i > MAXVAL || i < j ? j : i);
  if (MAXVAL >= 128) {
    const factor = (Math.min(MAXVAL, 4095) + 128) >> 8;
    const T1 = clamp(factor * (3 - 2) + 2 + 3 * NEAR, NEAR + 1);
    const T2 = clamp(factor * (7 - 3) + 3 + 5 * NEAR, T1);
    return { T1, T2, T3: clamp(factor * (21 - 4) + 4 + 7 * NEAR, T2) };
  }
  const factor = Math.floor(256 / (MAXVAL + 1));
  const T1 = clamp(Math.max(2, Math.floor(3 / factor) + 3 * NEAR), NEAR + 1);
  const T2 = clamp(Math.max(3, Math.floor(7 / factor) + 5 * NEAR), T1);
  return { T1, T2, T3: clamp(Math.max(4, Math.floor(21 / factor) + 7 * NEAR), T2) };
}

/** Samples of a frame, row by row, as the stream has them: what the sign bit means is the image's to say. */
export function decodeJPEGLS(bytes, layout) {
  const { width, height, precision, components, near: NEAR, start, preset } = header(bytes);
  if (width !== layout.columns || height !== layout.rows) {
    throw new FrameError("badSize", `${height} x ${width} / ${layout.rows} x ${layout.columns}`);
  }
  if (components !== 1) throw new FrameError("unsupported", `JPEG-LS: ${components} components`);
  const MAXVAL = preset?.MAXVAL || 2 ** precision - 1;
  const usual = thresholds(MAXVAL, NEAR);
  const [T1, T2, T3] = ["T1", "T2", "T3"].map((name) => preset?.[name] || usual[name]);
  const RESET = preset?.RESET || 64;
  const RANGE = Math.floor((MAXVAL + 2 * NEAR) / (2 * NEAR + 1)) + 1;
  const qbpp = Math.ceil(Math.log2(RANGE));
  const bpp = Math.max(2, Math.ceil(Math.log2(MAXVAL + 1)));
  const LIMIT = 2 * (bpp + Math.max(8, bpp));
  const step = 2 * NEAR + 1;
  const A = new Int32Array(367).fill(Math.max(2, (RANGE + 32) >> 6));
  const [B, C, N, Nn] = [new Int32Array(365), new Int32Array(365), new Int32Array(367).fill(1), new Int32Array(2)];
  const bits = new Bits(bytes, start);
  const output = new Uint16Array(width * height);
  // The line above and this one, with a sample before and one behind.
  let above = new Int32Array(width + 2);
  let line = new Int32Array(width + 2);
  let RUNindex = 0;
  const quantized = new Int8Array(2 * MAXVAL + 1);
  for (let d = -MAXVAL; d <= MAXVAL; d += 1) {
    const size = Math.abs(d);
    const q = size <= NEAR ? 0 : size < T1 ? 1 : size < T2 ? 2 : size < T3 ? 3 : 4;
    quantized[d + MAXVAL] = d < 0 ? -q : q;
  }
  const wrap = (x) => {
    let value = x;
    if (value < -NEAR) value += RANGE * step;
    else if (value > MAXVAL + NEAR) value -= RANGE * step;
    return value < 0 ? 0 : value > MAXVAL ? MAXVAL : value;
  };

  const regular = (context, sign, Ra, Rb, Rc) => {
    let Px = Rc >= Math.max(Ra, Rb) ? Math.min(Ra, Rb) : Rc <= Math.min(Ra, Rb) ? Math.max(Ra, Rb) : Ra + Rb - Rc;
    Px += sign * C[context];
    Px = Px < 0 ? 0 : Px > MAXVAL ? MAXVAL : Px;
    let k = 0;
    while (N[context] << k < A[context]) k += 1;
    const mapped = bits.golomb(k, LIMIT, qbpp);
    let error = mapped & 1 ? -((mapped + 1) >> 1) : mapped >> 1;
    if (k === 0 && NEAR === 0 && 2 * B[context] <= -N[context]) error = -error - 1;
    B[context] += error * step;
    A[context] += Math.abs(error);
    if (N[context] === RESET) {
      A[context] >>= 1;
      B[context] >>= 1;
      N[context] >>= 1;
    }
    N[context] += 1;
    if (B[context] <= -N[context]) {
      B[context] = Math.max(B[context] + N[context], 1 - N[context]);
      if (C[context] > -128) C[context] -= 1;
    } else if (B[context] > 0) {
      B[context] = Math.min(B[context] - N[context], 0);
      if (C[context] < 127) C[context] += 1;
    }
    return wrap(Px + sign * error * step);
  };

  /** The sample that ends a run (T.87 A.7.2). */
  const interruption = (Ra, Rb) => {
    const RItype = Math.abs(Ra - Rb) <= NEAR ? 1 : 0;
    const context = 365 + RItype;
    const TEMP = A[context] + (RItype ? N[context] >> 1 : 0);
    let k = 0;
    while (N[context] << k < TEMP) k += 1;
    const mapped = bits.golomb(k, LIMIT - J[RUNindex] - 1, qbpp);
    const whole = mapped + RItype;
    const map = whole & 1;
    const size = (whole + map) >> 1;
    const isNegative = (k !== 0 || 2 * Nn[RItype] >= N[context]) === (map === 1);
    const error = isNegative ? -size : size;
    if (error < 0) Nn[RItype] += 1;
    A[context] += (mapped + 1 - RItype) >> 1;
    if (N[context] === RESET) {
      A[context] >>= 1;
      N[context] >>= 1;
      Nn[RItype] >>= 1;
    }
    N[context] += 1;
    if (RItype) return wrap(Ra + error * step);
    return wrap(Rb + (Rb > Ra ? 1 : -1) * error * step);
  };

  /** How many samples from x on are as the one before; the sample behind them is set where the run ends before the line. */
  const run = (x) => {
    const Ra = line[x - 1];
    let at = x;
    for (;;) {
      if (bits.bit() === 0) {
        const rest = bits.take(J[RUNindex]);
        if (at + rest > width) throw wrong("a run leaves the line");
        line.fill(Ra, at, at + rest);
        at += rest;
        line[at] = interruption(Ra, above[at]);
        if (RUNindex > 0) RUNindex -= 1;
        return at + 1;
      }
      const size = Math.min(1 << J[RUNindex], width + 1 - at);
      line.fill(Ra, at, at + size);
      at += size;
      if (size === 1 << J[RUNindex] && RUNindex < 31) RUNindex += 1;
      if (at > width) return at;
    }
  };

  for (let row = 0; row < height; row += 1) {
    above[width + 1] = above[width];
    line[0] = above[1];
    let x = 1;
    while (x <= width) {
      const [Ra, Rb, Rc, Rd] = [line[x - 1], above[x], above[x - 1], above[x + 1]];
      const q = 81 * quantized[Rd - Rb + MAXVAL] + 9 * quantized[Rb - Rc + MAXVAL] + quantized[Rc - Ra + MAXVAL];
      if (q === 0) {
        x = run(x);
      } else {
        line[x] = regular(Math.abs(q), q < 0 ? -1 : 1, Ra, Rb, Rc);
        x += 1;
      }
    }
    output.set(line.subarray(1, width + 1), row * width);
    [above, line] = [line, above];
  }
  return output;
}
