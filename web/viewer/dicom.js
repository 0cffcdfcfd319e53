// SPDX-License-Identifier: Apache-2.0
// Reads data sets in the DICOM JSON Model (PS3.18 Annex F). A tag is its eight hexadecimal digits.

/** The values of an attribute; none where it is absent or empty. */
export function values(set, tag) {
  return set?.[tag]?.Value ?? [];
}

export function value(set, tag) {
  return values(set, tag)[0];
}

/** Numbers, as JSON has them or as a sender wrote them into a string; what is none is left out. */
export function numbers(set, tag) {
  return values(set, tag).map(Number).filter(Number.isFinite);
}

export function number(set, tag) {
  return numbers(set, tag)[0];
}

/** All values as one text; of a person's name the alphabetic group, or the first there is. */
export function text(set, tag) {
  return values(set, tag).map(plain).filter((part) => part !== "").join(", ");
}

function plain(item) {
  if (item === null || item === undefined) return "";
  if (typeof item !== "object") return String(item);
  return personName(item.Alphabetic ?? item.Ideographic ?? item.Phonetic ?? "");
}

/** "FAMILY^Given^Middle" as it is read. */
export function personName(name) {
  return String(name).split("^").filter((part) => part !== "").join(" ");
}

export function items(set, tag) {
  return values(set, tag).filter((item) => item !== null && typeof item === "object");
}

export function item(set, tag) {
  return items(set, tag)[0];
}

/** Where the bytes of an attribute are: {inline: base64} or {path}, the end of its BulkDataURI; null where absent. */
export function bytesOf(set, tag) {
  const element = set?.[tag];
  if (element?.InlineBinary !== undefined) return { inline: element.InlineBinary };
  const uri = element?.BulkDataURI;
  if (uri === undefined) return null;
  const mark = uri.lastIndexOf("/bulkdata/");
  return mark < 0 ? null : { path: uri.slice(mark + "/bulkdata/".length) };
}

export function fromBase64(encoded) {
  const binary = atob(encoded);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** A DA as the language writes it; what is no date stays as it is. */
export function date(value, language) {
  const parts = /^(\d{4})(\d{2})(\d{2})$/.exec(value ?? "");
  if (!parts) return value ?? "";
  return language === "fr" ? `${parts[3]}/${parts[2]}/${parts[1]}` : `${parts[1]}-${parts[2]}-${parts[3]}`;
}

/** A coded concept (PS3.3 8.8) as it is read. */
export function concept(set, tag) {
  const code = item(set, tag);
  return code === undefined ? "" : text(code, "00080104") || text(code, "00080100");
}
