// SPDX-License-Identifier: Apache-2.0
// Makes elements. Text is text: nothing here, and nothing elsewhere, is read as markup.

/** `settings` are properties, or attributes where the name has a hyphen or is "role"; children are nodes or text. */
export function make(kind, settings = {}, ...children) {
  const element = document.createElement(kind);
  for (const [name, setting] of Object.entries(settings)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, setting);
    else element[name] = setting;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}
