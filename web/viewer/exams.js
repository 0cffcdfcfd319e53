// SPDX-License-Identifier: Apache-2.0
// The exams of the session and what is in them.
import { fetchBytes } from "./transport.js";
import { keySeries, seriesOf } from "./series.js";

const parse = (buffer) => JSON.parse(new TextDecoder().decode(buffer));

/** What the page is opened with: patient, rights, notices, exams. */
export async function context() {
  return parse((await fetchBytes(new URL("context.json", document.baseURI).href, "application/json")).buffer);
}

/** The series of an exam, key images first, as far as its images have arrived. */
export async function load(exam) {
  if (exam.isArriving && !exam.instances) return [];
  const { buffer } = await fetchBytes(new URL(`${exam.root}/metadata`, document.baseURI).href, "application/dicom+json");
  const metadata = parse(buffer);
  Object.assign(exam, { described: metadata.length, describedAt: performance.now() });
  const all = seriesOf(metadata, exam.root);
  const keys = keySeries(all, exam.root);
  return keys ? [keys, ...all] : all;
}

/**
 * Whether so many more images have arrived that describing all of them anew is worth it: at the end, when there are half as
 * many more, and every five seconds.
 */
export function isBehind({ instances, isArriving, described = 0, describedAt = 0 }) {
  const more = instances - described;
  return more > 0 && (!isArriving || more * 2 >= described || performance.now() - describedAt > 5000);
}

/** What has come to an exam; series and images that are known stay the same objects. */
export function merge(known, found) {
  const series = new Map(known.map((one) => [one.id, one]));
  const images = new Map(known.flatMap((one) => one.images).map((image) => [image.key, image]));
  return found.map((one) => {
    const list = one.images.map((image) => Object.assign(images.get(image.key) ?? image, { isKey: image.isKey }));
    const grown = series.get(one.id) ?? one;
    return { series: Object.assign(grown, one, { images: grown === one ? list : grown.images }), images: list };
  });
}

/** Where an instance is shown: its series and the index of its first image; null where no exam that is open has it. */
export function find(exams, uid) {
  for (const exam of exams) {
    for (const series of exam.series ?? []) {
      const index = series.isKeyImages ? -1 : series.images.findIndex((image) => image.uid === uid);
      if (index >= 0) return { series, index };
    }
  }
  return null;
}
