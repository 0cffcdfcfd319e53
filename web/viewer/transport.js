// SPDX-License-Identifier: Apache-2.0
// Requests to the box, in a worker or in the page alike.
import { decodeJPEGLS } from "./jpegls.js";
import { FrameError, decodeFrame } from "./pixels.js";

const native = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1";
const stored = ["image/jpeg", "image/jls", "image/jp2", "image/jpx", "image/jphc", "image/dicom-rle"]
  .map((type) => `${type};transfer-syntax=*`).join(", ") + ", application/octet-stream;transfer-syntax=*;q=0.5";
// JPEG and JPEG 2000: what decodes them makes RGB of YBR.
const becomesRGB = /transfer-syntax="?1\.2\.840\.10008\.1\.2\.4\.(50|51|57|70|90|91|92|93|201|202|203)\b/;
const triesWhenBusy = 4;

/** The answer's body; a FrameError with the server's own words where it has none. */
export async function fetchBytes(url, accept, signal) {
  for (let tries = 1; ; tries += 1) {
    let answer;
    try {
      answer = await fetch(url, { headers: { Accept: accept }, signal, credentials: "same-origin" });
    } catch (error) {
      if (signal?.aborted) throw error;
      if (tries >= triesWhenBusy) throw new FrameError("unreachable", String(error.message ?? error));
      await pause(500 * tries);
      continue;
    }
    if (answer.ok) return { buffer: await body(answer), type: answer.headers.get("Content-Type") ?? "" };
    if (answer.status === 503 && tries < triesWhenBusy) {
      await pause(Math.min(Number(answer.headers.get("Retry-After")) || 1, 5) * 1000);
      continue;
    }
    const words = (await answer.text().catch(() => "")).trim().slice(0, 300);
    const code = answer.status === 401 || answer.status === 403 ? "ended" : answer.status === 410 || answer.status === 404
      ? "gone" : answer.status === 406 ? "unsupported" : "refused";
    throw new FrameError(code, `${answer.status} ${words}`);
  }
}

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** The bytes of an answer; of multipart/related those of its first part. */
async function body(answer) {
  const buffer = await answer.arrayBuffer();
  const boundary = /multipart\/related.*boundary="?([^";]+)/i.exec(answer.headers.get("Content-Type") ?? "");
  if (!boundary) return buffer;
  const bytes = new Uint8Array(buffer);
  const start = find(bytes, "\r\n\r\n", find(bytes, `--${boundary[1]}`, 0)) + 4;
  return buffer.slice(start, find(bytes, `\r\n--${boundary[1]}`, start));
}

function find(bytes, words, from) {
  const wanted = [...words].map((character) => character.charCodeAt(0));
  for (let at = from; at >= 0 && at <= bytes.length - wanted.length; at += 1) {
    if (wanted.every((code, index) => bytes[at + index] === code)) return at;
  }
  throw new FrameError("refused", `multipart: ${words.trim() || "header"}`);
}

const madeRGB = new Map();

/** Whether the box, which sends native pixels, makes RGB of what is stored. Asked once for each instance. */
async function isMadeRGB(url, layout, signal) {
  if (layout.samples !== 3 || layout.photometric === "RGB") return true;
  if (/^YBR_(ICT|RCT)$/.test(layout.photometric)) return true;
  const instance = url.slice(0, url.lastIndexOf("/frames/"));
  if (!madeRGB.has(instance)) {
    const stop = new AbortController();
    const answer = await fetch(url, { headers: { Accept: stored }, signal: stop.signal, credentials: "same-origin" });
    madeRGB.set(instance, becomesRGB.test(answer.headers.get("Content-Type") ?? ""));
    stop.abort();
  }
  return madeRGB.get(instance);
}

const jls = "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80, image/jls; transfer-syntax=1.2.840.10008.1.2.4.81; q=0.9";
const baseline = "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50";

/**
 * Whether the browser itself decodes a frame, if it is JPEG baseline. Frames of a clip only: the box would decode the whole
 * clip for each of them. In RGB the browser would see YBR.
 */
const isForBrowser = (layout) => layout.frames > 1 && layout.bitsAllocated === 8 && !layout.isSigned
  && /^(YBR_|MONOCHROME)/.test(layout.photometric) && globalThis.OffscreenCanvas !== undefined;

async function decodedByBrowser(buffer, layout) {
  const picture = await createImageBitmap(new Blob([buffer], { type: "image/jpeg" }), { colorSpaceConversion: "none" });
  const { width, height } = picture;
  if (width !== layout.columns || height !== layout.rows) {
    throw new FrameError("badSize", `${height} x ${width} / ${layout.rows} x ${layout.columns}`);
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  picture.close();
  const { data } = context.getImageData(0, 0, width, height);
  if (layout.samples === 3) return { kind: "colour", data, overlays: {} };
  const grey = Uint8Array.from({ length: width * height }, (_, index) => data[4 * index]);
  return decodeFrame(grey.buffer, layout, false);
}

/** Whether a frame, if it is JPEG-LS, is decoded here. */
const isForUs = (layout) => layout.samples === 1 && !layout.isFloat && !layout.overlayBits.length
  && (layout.bitsAllocated === 8 || layout.bitsAllocated === 16);

function decodedHere(buffer, layout) {
  const samples = decodeJPEGLS(new Uint8Array(buffer), layout);
  return decodeFrame(layout.bitsAllocated === 8 ? Uint8Array.from(samples).buffer : samples.buffer, layout, false);
}

/**
 * What is taken: JPEG baseline of clips, JPEG-LS, native pixels. Of what is stored in one of them the box sends what is stored.
 * Over a slow line it is to make JPEG-LS of all else that is a slice.
 */
function accept(layout, { isSlow, isPatient }) {
  const types = [];
  if (isForBrowser(layout)) types.push(baseline);
  if (isForUs(layout) && (isPatient || isSlow)) types.push(jls);
  const isCompressedOnly = isSlow && isForUs(layout) && layout.frames === 1 && layout.bitsAllocated === 16;
  if (!isCompressedOnly) types.push(`${native}; q=0.5`);
  return types.join(", ");
}

/**
 * One frame, ready to be drawn, and how many bytes came. `line` has isSlow, and isPatient: who waits for the decoding is a
 * worker, and not the page.
 */
export async function fetchFrame(url, layout, line, signal) {
  let answer;
  try {
    answer = await fetchBytes(url, accept(layout, line), signal);
  } catch (error) {
    if (error.code !== "unsupported" || !line.isSlow) throw error;
    answer = await fetchBytes(url, native, signal);
  }
  const { buffer, type } = answer;
  let frame;
  if (type.startsWith("image/jls")) frame = decodedHere(buffer, layout);
  else if (type.startsWith("image/jpeg")) frame = await decodedByBrowser(buffer, layout);
  else frame = decodeFrame(buffer, layout, await isMadeRGB(url, layout, signal));
  return { frame, received: buffer.byteLength };
}
