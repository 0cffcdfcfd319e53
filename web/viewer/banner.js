// SPDX-License-Identifier: Apache-2.0
// Whose images these are: five traits always, the other five at one key's distance.
import { date, personName } from "./dicom.js";
import { make } from "./elements.js";
import { language, phrase } from "./phrases.js";

/** [name, words] of each trait. First given name: of all given names, or of the name. */
export function traits(patient) {
  const [family = "", given = ""] = String(patient.name ?? "").split("^");
  const givenNames = patient.givenNames ? personName(patient.givenNames) : "";
  const [usedFamily = "", usedGiven = ""] = String(patient.usedName ?? "").split("^");
  const sex = patient.sex ? phrase(`sex-${patient.sex}`) : "";
  const firstName = given.split(" ")[0] || givenNames.split(" ")[0];
  const first = [
    ["birthName", patient.birthName ?? family], ["firstName", firstName],
    ["birthDate", date(patient.birthDate, language())], ["sex", sex], ["birthPlace", patient.birthPlace]];
  const rest = [
    ["ins", patient.ins], ["insOID", patient.insOID], ["givenNames", givenNames],
    ["usedGivenName", patient.usedGivenName ?? usedGiven], ["usedName", usedFamily], ["patientID", patient.patientID]];
  return { first, rest };
}

function row([name, words]) {
  return make("div", { className: `trait trait-${name}` },
    make("dt", {}, phrase(name)), make("dd", {}, words ? String(words) : phrase("unknown")));
}

export function writeBanner(element, context, isOpen) {
  const { first, rest } = traits(context.patient ?? {});
  const more = make("details", { open: isOpen, className: "more-traits" },
    make("summary", {}, phrase("moreTraits")), make("dl", {}, ...rest.map(row)));
  element.setAttribute("aria-label", phrase("traits"));
  element.replaceChildren(make("dl", { className: "traits" }, ...first.map(row)), more);
}

/** Traits for paper: all of them. */
export function heading(context) {
  const { first, rest } = traits(context.patient ?? {});
  return make("dl", { className: "traits" }, ...[...first, ...rest].map(row));
}
