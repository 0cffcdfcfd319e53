// SPDX-License-Identifier: Apache-2.0
// From stored values to grey levels: Modality LUT, VOI LUT, Presentation LUT (PS3.3 C.11.1, C.11.2, C.11.6; PS3.4 N.2).

/** A look-up table of its descriptor, [entries, first value, bits], and its data. */
export function table(descriptor, data, isSigned) {
  if (descriptor.length !== 3) return null;
  const count = descriptor[0] === 0 ? 65536 : descriptor[0];
  let first = descriptor[1];
  if (isSigned && first > 32767) first -= 65536;
  if (data.length < count) return null;
  return { first, bits: descriptor[2], data: data.subarray ? data.subarray(0, count) : data.slice(0, count) };
}

/** The entries of LUT data: 16-bit words, or bytes where there are only so many (PS3.3 C.11.1.1.1). */
export function entries(bytes, descriptor) {
  const count = descriptor[0] === 0 ? 65536 : descriptor[0];
  if (bytes.length < 2 * count) return Uint16Array.from(bytes.subarray(0, count));
  const words = new Uint16Array(count);
  for (let index = 0; index < count; index += 1) words[index] = bytes[2 * index] | (bytes[2 * index + 1] << 8);
  return words;
}

/** Below the first and above the last value the table goes on as it begins and ends. */
export function lookUp(lut, x) {
  const index = Math.min(Math.max(Math.trunc(x) - lut.first, 0), lut.data.length - 1);
  return lut.data[index];
}

/** What a stored value means, for instance in HU. `modality` is {lut} or {slope, intercept}. */
export function modalityValue(modality, stored) {
  return modality.lut ? lookUp(modality.lut, stored) : stored * modality.slope + modality.intercept;
}

/** A part of the grey scale, 0 to 1, of a value behind the Modality LUT (PS3.3 C.11.2.1.2, C.11.2.1.3). */
export function windowed(window, x) {
  const { center, width } = window;
  switch (window.function) {
    case "SIGMOID": return 1 / (1 + Math.exp((-4 * (x - center)) / width));
    case "LINEAR_EXACT":
      if (x <= center - width / 2) return 0;
      return x > center + width / 2 ? 1 : (x - center) / width + 0.5;
    default:
      if (x <= center - 0.5 - (width - 1) / 2) return 0;
      return x > center - 0.5 + (width - 1) / 2 ? 1 : (x - (center - 0.5)) / (width - 1) + 0.5;
  }
}

/**
 * Grey levels, 0 to 255, of all the indices of a frame; index i stands for the stored value i * scale + offset.
 * `voi` is a window or {lut}; `padding` is the range of stored values that show nothing, and is black.
 */
export function greyLevels({ count, scale, offset, modality, voi, isInverse, padding }) {
  const levels = new Uint8Array(count);
  const top = voi.lut ? 2 ** voi.lut.bits - 1 : 1;
  for (let index = 0; index < count; index += 1) {
    const stored = index * scale + offset;
    if (padding && stored >= padding[0] && stored <= padding[1]) continue;
    const x = modalityValue(modality, stored);
    const part = voi.lut ? Math.min(lookUp(voi.lut, x) / top, 1) : windowed(voi, x);
    // Cut off and not rounded, as the box's own renderings and DCMTK's are.
    levels[index] = Math.floor(255 * (isInverse ? 1 - part : part) + 1e-9);
  }
  return levels;
}

/** The window that has all the values between two stored ones, for an image that says none. */
export function fullWindow(modality, lowest, highest) {
  const ends = [modalityValue(modality, lowest), modalityValue(modality, highest)];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return { center: (low + high + 1) / 2, width: Math.max(high - low + 1, 1), function: "LINEAR", isComputed: true };
}

/** RGBA of each palette index (PS3.3 C.7.6.3.1.5, C.7.9). `tables` are red, green and blue. */
export function paletteColours(tables, count, offset) {
  const colours = new Uint8Array(count * 4);
  for (let index = 0; index < count; index += 1) {
    tables.forEach((lut, channel) => {
      const entry = lookUp(lut, index + offset);
      colours[4 * index + channel] = lut.bits > 8 ? entry >> 8 : entry;
    });
    colours[4 * index + 3] = 255;
  }
  return colours;
}

/** Entries of segmented palette data (PS3.3 C.7.9.2): discrete, linear and indirect segments. Null where damaged. */
export function expandSegments(words, count) {
  const output = [];
  const readAt = (start, isIndirect) => {
    let at = start;
    const kind = words[at];
    const size = words[at + 1];
    at += 2;
    if (kind === 0) {
      for (let index = 0; index < size; index += 1) output.push(words[at + index]);
      return at + size;
    }
    if (kind === 1 && output.length > 0) {
      const from = output[output.length - 1];
      for (let index = 1; index <= size; index += 1) {
        output.push(Math.round(from + ((words[at] - from) * index) / size));
      }
      return at + 1;
    }
    if (kind !== 2 || isIndirect) return null;
    let target = words[at] + 65536 * words[at + 1];
    for (let index = 0; index < size; index += 1) {
      target = readAt(target, true);
      if (target === null) return null;
    }
    return at + 2;
  };
  let at = 0;
  while (at + 1 < words.length && output.length < count) {
    at = readAt(at, false);
    if (at === null) return null;
  }
  return output.length >= count ? Uint16Array.from(output.slice(0, count)) : null;
}
