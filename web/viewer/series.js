// SPDX-License-Identifier: Apache-2.0
// The series of an exam: what each is, and its images in the order in which they are looked at.
import { concept, number, text } from "./dicom.js";
import { depth, isParallel } from "./geometry.js";
import { images, referencedInstances } from "./images.js";

const prefix = "1.2.840.10008.5.1.4.1.1.";
const videos = new Set(["77.1.1.1", "77.1.2.1", "77.1.4.1"].map((end) => prefix + end));
const documents = new Map([
  [`${prefix}104.1`, "pdf"], [`${prefix}104.2`, "cda"], [`${prefix}104.3`, "model"], [`${prefix}104.4`, "model"],
  [`${prefix}88.59`, "keyObjects"], [`${prefix}481.5`, "plan"], [`${prefix}481.8`, "plan"], [`${prefix}481.3`, "structures"],
]);

/** "images", "video", or the kind of document that an instance is. */
export function kind(instance) {
  const classUID = text(instance, "00080016");
  if (documents.has(classUID)) return documents.get(classUID);
  if (classUID.startsWith(`${prefix}88.`)) return "report";
  if (classUID.startsWith(`${prefix}11.`)) return "presentation";
  if (classUID.startsWith(`${prefix}9.`)) return "waveform";
  if (videos.has(classUID)) return "video";
  const hasPixels = ["7FE00010", "7FE00008", "7FE00009"].some((tag) => instance[tag] !== undefined);
  return hasPixels ? "images" : "other";
}

/** Along the normal where all images are parallel, else by instance number; frames stay together. */
export function inOrder(list) {
  const first = list[0]?.plane;
  const isStack = list.length > 1 && first && list.every((one) => one.plane && one.frames === 1 && isParallel(one.plane, first));
  const byNumber = (a, b) => (a.number ?? 0) - (b.number ?? 0) || (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0)
    || a.frame - b.frame;
  if (!isStack) return list.sort(byNumber);
  const along = new Map(list.map((one) => [one, depth({ ...one.plane, normal: first.normal })]));
  list.sort((a, b) => along.get(a) - along.get(b) || byNumber(a, b));
  // Slices are shown in the direction in which they were numbered.
  const isReverse = (list[0].number ?? 0) > (list[list.length - 1].number ?? 0);
  return isReverse ? list.reverse() : list;
}

/**
 * The series of an exam from its metadata. Images come before documents, in the order of the series numbers; a series with
 * several sizes or several kinds of object makes an entry for each. `root` is where the exam's resources are.
 */
export function seriesOf(metadata, root) {
  const found = new Map();
  for (const instance of metadata) {
    const uid = text(instance, "0020000E");
    const what = kind(instance);
    const size = what === "images" ? `${number(instance, "00280010")}x${number(instance, "00280011")}` : "";
    const multi = what === "images" && number(instance, "00280008") > 1 || what !== "images"
      ? text(instance, "00080018") : "";
    const id = `${root}|${uid}|${what}|${size}|${multi}`;
    if (!found.has(id)) {
      found.set(id, {
        id, uid, root, kind: what, modality: text(instance, "00080060"), number: number(instance, "00200011") ?? 0,
        description: text(instance, "0008103E") || text(instance, "00181030"), instances: [], images: [],
        studyUID: text(instance, "0020000D"), date: text(instance, "00080020"), exam: text(instance, "00081030"),
        title: concept(instance, "0040A043") || text(instance, "00420010"),
      });
    }
    const series = found.get(id);
    const place = `${root}/series/${uid}/instances/${text(instance, "00080018")}`;
    series.instances.push({ instance, place });
    if (what === "images") series.images.push(...images(instance, place));
  }
  const all = [...found.values()];
  for (const series of all) series.images = inOrder(series.images);
  markKeyImages(all);
  const rank = (series) => (series.kind === "images" ? 0 : series.kind === "video" ? 1 : 2);
  return all.sort((a, b) => rank(a) - rank(b) || a.number - b.number || (a.id < b.id ? -1 : 1));
}

/** Images that a Key Object Selection of the exam names (PS3.3 A.35.4) get `isKey`. A manifest names all, which is none. */
function markKeyImages(all) {
  const named = new Set();
  for (const series of all) {
    if (series.kind !== "keyObjects") continue;
    for (const { instance } of series.instances) {
      const title = instance["0040A043"]?.Value?.[0]?.["00080100"]?.Value?.[0];
      if (title === "113030") continue;
      for (const uid of referencedInstances(instance)) named.add(uid);
    }
  }
  for (const series of all) {
    for (const image of series.images) image.isKey = named.has(image.uid);
    series.keys = series.images.filter((image) => image.isKey).length;
  }
}

/** All key images of an exam as a series of its own; null where there are none. */
export function keySeries(all, root) {
  const marked = all.flatMap((series) => series.images.filter((image) => image.isKey));
  if (!marked.length) return null;
  const source = all.find((series) => series.images.includes(marked[0]));
  return { ...source, id: `${root}|key`, kind: "images", isKeyImages: true, number: -1, images: marked, keys: marked.length };
}
