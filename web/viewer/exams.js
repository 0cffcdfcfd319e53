// SPDX-License-Identifier: Apache-2.0
// The exams of the session and what is in them.
import { fetchBytes } from "./transport.js";
import { keySeries, seriesOf } from "./series.js";

const parse = (buffer) => JSON.parse(new TextDecoder().decode(buffer));

/** What the page is opened with: patient, rights, notices, exams. */
export async function context() {
  return parse((await fetchBytes(new URL("context.json", document.baseURI).href, "application/json")).buffer);
}

/** The series of an exam, key images first. */
export async function load(exam) {
  const { buffer } = await fetchBytes(new URL(`${exam.root}/metadata`, document.baseURI).href, "application/dicom+json");
  const all = seriesOf(parse(buffer), exam.root);
  const keys = keySeries(all, exam.root);
  return keys ? [keys, ...all] : all;
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
