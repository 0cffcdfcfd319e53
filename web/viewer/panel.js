// SPDX-License-Identifier: Apache-2.0
// The exams and their series, with a small picture of each.
import { date } from "./dicom.js";
import { make } from "./elements.js";
import { language, phrase } from "./phrases.js";

/** `choose(series)` shows one in the active view; `open(exam)` loads an exam. */
export function writePanel(element, exams, { choose, open }) {
  element.setAttribute("aria-label", phrase("exams"));
  element.replaceChildren(...exams.map((exam, index) => section(exam, index, choose, open)));
}

function section(exam, index, choose, open) {
  const title = [date(exam.date, language()), (exam.modalities ?? []).join(" "),
    exam.description || exam.series?.[0]?.exam].filter(Boolean).join(" · ");
  const box = make("section", { className: "exam" },
    make("h2", {}, title || `${phrase(index ? "prior" : "current")} ${index + 1}`),
    exam.origin ? make("p", { className: "origin" }, exam.origin) : "");
  if (exam.failure) {
    box.append(make("p", { className: "failure" }, `${phrase("contextFailed")} ${exam.failure}`));
  } else if (exam.isLoading) {
    box.append(make("p", {}, phrase("loadingExam")));
  } else if (!exam.series) {
    const button = make("button", { type: "button", className: "open-exam" }, phrase("openExam"));
    button.addEventListener("click", () => open(exam));
    box.append(button);
  } else if (!exam.series.length) {
    box.append(make("p", {}, phrase("noSeries")));
  } else {
    box.append(make("ul", {}, ...exam.series.map((series) => make("li", {}, entry(series, choose)))));
  }
  return box;
}

function entry(series, choose) {
  const isImages = series.kind === "images";
  const count = isImages ? series.images.length : series.instances.length;
  const name = series.isKeyImages ? phrase("keyImages")
    : series.description || series.title || (isImages ? `${phrase("series")} ${series.number}` : phrase(series.kind));
  const button = make("button", { type: "button", className: "series", draggable: true },
    isImages ? picture(series) : make("span", { className: "kind" }, series.modality || "?"),
    make("span", { className: "series-name" }, [series.modality, name].filter(Boolean).join(" ")),
    make("span", { className: "series-count" },
      `${series.keys && !series.isKeyImages ? "★ " : ""}${count} ${phrase(`${isImages ? "countImage" : "countObject"}${count > 1 ? "s" : ""}`)}`
        + (isImages ? "" : ` · ${phrase(series.kind)}`)));
  button.dataset.series = series.id;
  button.addEventListener("click", () => choose(series));
  button.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", series.id));
  return button;
}

/** The middle image, as the box draws it; one that it cannot draw is named by its modality. */
function picture(series) {
  const middle = series.images[Math.floor(series.images.length / 2)];
  const element = make("img", { alt: "", loading: "lazy", width: 64, height: 64 });
  element.src = `${middle.place}/frames/${middle.frame}/thumbnail?viewport=128,128&accept=image/jpeg`;
  element.addEventListener("error", () => {
    element.replaceWith(make("span", { className: "kind" }, series.modality || "?"));
  });
  return element;
}

/** Marks the series that views show. */
export function markShown(element, views, active) {
  for (const button of element.querySelectorAll("button.series")) {
    const shown = views.filter((view) => view.series?.id === button.dataset.series);
    button.setAttribute("aria-pressed", String(shown.length > 0));
    button.classList.toggle("is-active", shown.includes(active));
  }
}
