// SPDX-License-Identifier: Apache-2.0
// Objects that are no images, shown as what they are: reports, selections, documents, video; others by name.
import { bytesOf, concept, date, item, items, text, value } from "./dicom.js";
import { make } from "./elements.js";
import { stream } from "./encapsulated.js";
import { referencedInstances } from "./images.js";
import { language, phrase } from "./phrases.js";
import { PresentationState } from "./presentation.js";
import { fetchBytes } from "./transport.js";

/**
 * `show(uid)` shows an image of the exams and says whether there is one; `apply(set, place, uid)` applies a presentation state
 * to one.
 */
export function documentOf(series, { show, has, apply, save }) {
  const page = make("div", { className: `object object-${series.kind}` });
  for (const { instance, place } of series.instances) {
    page.append(make("h2", {}, heading(series, instance)));
    const parts = contents(series.kind, instance, place, { show, has, apply });
    page.append(...parts, footer(instance, place, save));
  }
  return page;
}

function heading(series, instance) {
  const title = concept(instance, "0040A043") || text(instance, "00420010") || text(instance, "00700080");
  return [phrase(series.kind), title].filter(Boolean).join(" — ");
}

function contents(kind, instance, place, actions) {
  switch (kind) {
    case "report": return report(instance, actions);
    case "keyObjects": return [...report(instance, actions), references(instance, actions)];
    case "presentation": return presentation(instance, place, actions);
    case "pdf": return [bulk(instance, place, "00420011", "application/pdf")];
    case "video": return [video(instance, place)];
    default: return [make("p", {}, phrase("notShown")), facts(instance)];
  }
}

function facts(instance) {
  const list = make("dl");
  const rows = [["objectClass", text(instance, "00080016")],
    ["objectDate", date(text(instance, "00080023") || text(instance, "00080020"), language())],
    ["objectTitle", text(instance, "0008103E") || text(instance, "300A0002") || text(instance, "30060002")]];
  for (const [name, words] of rows) if (words) list.append(make("dt", {}, phrase(name)), make("dd", {}, words));
  return list;
}

function footer(instance, place, save) {
  const uid = make("p", { className: "uid" }, text(instance, "00080018"));
  if (!save) return uid;
  const button = make("button", { type: "button" }, phrase("saveObject"));
  button.addEventListener("click", () => save(place, text(instance, "00080018")));
  return make("div", {}, uid, button);
}

// MARK: structured reports (PS3.3 C.17.3)

function report(instance, actions) {
  const state = text(instance, "0040A493") === "VERIFIED" ? "verified" : "unverified";
  const when = date(text(instance, "00080023"), language());
  const root = make("ul", { className: "content" });
  for (const content of items(instance, "0040A730")) root.append(node(content, actions, 0));
  return [make("p", {}, [when, phrase(state)].filter(Boolean).join(", ")), root];
}

function node(content, actions, depth) {
  const name = concept(content, "0040A043");
  const entry = make("li", {}, name ? make("b", {}, `${name} `) : "");
  const kind = text(content, "0040A040");
  switch (kind) {
    case "TEXT": entry.append(make("span", { className: "words" }, text(content, "0040A160"))); break;
    case "CODE": entry.append(concept(content, "0040A168")); break;
    case "NUM": {
      const measured = item(content, "0040A300");
      entry.append([text(measured, "0040A30A"), concept(measured, "004008EA")].filter(Boolean).join(" "));
      break;
    }
    case "DATE": entry.append(date(text(content, "0040A121"), language())); break;
    case "TIME": entry.append(text(content, "0040A122")); break;
    case "DATETIME": entry.append(text(content, "0040A120")); break;
    case "PNAME": entry.append(text(content, "0040A123")); break;
    case "UIDREF": entry.append(text(content, "0040A124")); break;
    case "IMAGE": case "COMPOSITE": case "WAVEFORM": {
      const uid = text(item(content, "00081199"), "00081155");
      entry.append(link(uid, actions));
      break;
    }
    case "SCOORD": case "SCOORD3D": entry.append(`${text(content, "00700023")}`); break;
    default:
  }
  const inner = items(content, "0040A730");
  // A report that nests deeper than this is not one that somebody reads.
  if (inner.length && depth < 40) {
    entry.append(make("ul", {}, ...inner.map((child) => node(child, actions, depth + 1))));
  }
  return entry;
}

function link(uid, { show, has }) {
  if (!has(uid)) return make("span", { className: "uid" }, `${uid} ${phrase("notInExam")}`);
  const button = make("button", { type: "button" }, phrase("goToImage"));
  button.title = uid;
  button.addEventListener("click", () => show(uid));
  return button;
}

function references(instance, actions) {
  const list = make("ul", { className: "references" });
  for (const uid of referencedInstances(instance)) {
    list.append(make("li", {}, `${phrase("reference")} `, link(uid, actions)));
  }
  return list;
}

function presentation(instance, place, { has, show, apply }) {
  const list = make("ul", { className: "references" });
  for (const uid of referencedInstances(instance)) {
    const entry = make("li", {}, link(uid, { has, show }));
    if (has(uid)) {
      const button = make("button", { type: "button" }, phrase("applyState"));
      button.addEventListener("click", () => apply(instance, place, uid));
      entry.append(button);
    }
    list.append(entry);
  }
  const missing = new PresentationState(instance).unsupported;
  return [make("p", {}, text(instance, "00700081")),
    missing.length ? make("p", { className: "failure" }, `${phrase("stateUnsupported")} ${missing.join(", ")}.`) : "", list];
}

// MARK: what the browser shows

function bulk(instance, place, tag, type) {
  const holder = make("div", { className: "frame" }, make("p", {}, phrase("loading")));
  const source = bytesOf(instance, tag);
  const take = source?.inline !== undefined
    ? Promise.resolve(Uint8Array.from(atob(source.inline), (character) => character.charCodeAt(0)))
    : source ? fetchBytes(`${place}/bulkdata/${source.path}`, "application/octet-stream; transfer-syntax=*")
      .then((answer) => answer.buffer) : Promise.reject(new Error(tag));
  take.then((bytes) => {
    const length = value(instance, "00420015");
    const blob = new Blob([length ? bytes.slice(0, length) : bytes], { type });
    const url = URL.createObjectURL(blob);
    const frame = make("iframe", { title: phrase("pdf"), src: url });
    const anchor = make("a", { href: url, target: "_blank", rel: "noopener" }, phrase("openDocument"));
    holder.replaceChildren(make("p", {}, anchor), frame);
  }, (error) => holder.replaceChildren(problem(error, instance)));
  return holder;
}

function problem(error, instance) {
  const words = `${phrase(error.code ?? "refused")} ${phrase("ofInstance")} ${text(instance, "00080018")}.`;
  return make("p", { className: "failure" }, `${words} ${error.detail ?? error.message}`);
}

function video(instance, place) {
  const holder = make("div", { className: "frame" }, make("p", {}, phrase("loading")));
  // A stream is no frame that could be asked for: it comes with its instance.
  fetchBytes(place, "application/dicom; transfer-syntax=*").then(({ buffer }) => {
    const blob = new Blob(stream(new Uint8Array(buffer)), { type: "video/mp4" });
    const player = make("video", { controls: true, src: URL.createObjectURL(blob) });
    player.setAttribute("aria-label", phrase("video"));
    player.addEventListener("error", () => holder.replaceChildren(make("p", {}, phrase("cannotPlay")), facts(instance)));
    holder.replaceChildren(player);
  }).catch((error) => holder.replaceChildren(problem(error, instance)));
  return holder;
}
