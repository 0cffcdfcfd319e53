// SPDX-License-Identifier: Apache-2.0
// What an image refers to and has to be there before it is drawn: look-up tables, palettes, overlay planes.
import { bytesOf, fromBase64, numbers } from "./dicom.js";
import { entries, expandSegments, paletteColours, table } from "./luts.js";
import { FrameError } from "./pixels.js";
import { fetchBytes } from "./transport.js";

const known = new WeakMap();

/** Of one attribute, from the metadata or from the box; null where it is absent. */
async function bytes(set, tag, place) {
  const source = bytesOf(set, tag);
  if (!source) return null;
  if (source.inline !== undefined) return fromBase64(source.inline);
  const url = new URL(`${place}/bulkdata/${source.path}`, document.baseURI).href;
  return new Uint8Array((await fetchBytes(url, "application/octet-stream; transfer-syntax=*")).buffer);
}

/** LUT Data is US, or OW in the metadata or in a resource of its own. */
export async function lut(set, descriptorTag, dataTag, place, isSigned) {
  const descriptor = numbers(set, descriptorTag);
  const listed = numbers(set, dataTag);
  const raw = listed.length ? null : await bytes(set, dataTag, place);
  if (!listed.length && !raw) return null;
  const data = listed.length ? Uint16Array.from(listed, (entry) => entry & 0xffff) : entries(raw, descriptor);
  return table(descriptor, data, isSigned);
}

/** The bits of an overlay plane that has some of its own. */
export function bitsOf(set, overlay, place) {
  return bytes(set, `${overlay.tag}3000`, place);
}

function required(found, name) {
  if (!found) throw new FrameError("badTable", name);
  return found;
}

async function palette(image) {
  const { instance, place, layout } = image;
  const isSigned = layout.isSigned;
  const tables = [];
  for (const last of ["1", "2", "3"]) {
    const descriptor = numbers(instance, `0028110${last}`);
    let found = await lut(instance, `0028110${last}`, `0028120${last}`, place, isSigned);
    if (!found) {
      const raw = required(await bytes(instance, `0028122${last}`, place), "Palette Color Lookup Table Data");
      const words = entries(raw, [raw.length >> 1, 0, 16]);
      const expanded = required(expandSegments(words, descriptor[0] || 65536), "Segmented Palette Data");
      found = table(descriptor, expanded, isSigned);
    }
    tables.push(required(found, "Palette Color Lookup Table"));
  }
  const offset = isSigned ? -(2 ** (layout.bitsStored - 1)) : 0;
  return paletteColours(tables, 2 ** layout.bitsStored, offset);
}

async function resolve(image) {
  const { instance, place } = image;
  const modality = image.modality;
  const result = { vois: [], palette: null, overlays: [] };
  if (modality.lutItem) {
    const found = await lut(modality.lutItem, "00283002", "00283006", place, image.layout.isSigned);
    result.modality = { lut: required(found, "Modality LUT"), unit: modality.unit };
  } else {
    result.modality = modality;
  }
  for (const voi of image.vois) {
    const isSigned = image.layout.isSigned || modality.intercept < 0;
    result.vois.push(voi.lutItem
      ? { name: voi.name, lut: required(await lut(voi.lutItem, "00283002", "00283006", place, isSigned), "VOI LUT") } : voi);
  }
  if (image.isPalette) result.palette = await palette(image);
  for (const overlay of image.overlays) {
    const bits = overlay.data ? await bitsOf(instance, overlay, place) : null;
    result.overlays.push({ ...overlay, bits });
  }
  return result;
}

/** Whether nothing of an image is elsewhere, so that it is resolved without waiting. */
function isPlain(image) {
  return !image.modality.lutItem && !image.isPalette && !image.overlays.length && image.vois.every((voi) => !voi.lutItem);
}

/** The details of an image, or a promise of them where something has to be fetched. */
export function details(image) {
  if (image.volume || isPlain(image)) return { modality: image.modality, vois: image.vois, palette: null, overlays: [] };
  if (!known.has(image)) {
    const promise = resolve(image);
    known.set(image, promise);
    promise.then((found) => known.set(image, found), () => {});
  }
  return known.get(image);
}
