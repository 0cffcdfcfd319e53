// SPDX-License-Identifier: Apache-2.0
// Fetches and decodes frames outside of the page's own thread.
import { fetchFrame } from "./transport.js";

const running = new Map();

self.addEventListener("message", async ({ data: { id, url, layout, line } }) => {
  if (url === undefined) {
    running.get(id)?.abort();
    return;
  }
  const abort = new AbortController();
  running.set(id, abort);
  try {
    const result = await fetchFrame(url, layout, line, abort.signal);
    const { frame } = result;
    const buffers = new Set([frame.data.buffer, ...Object.values(frame.overlays).map((bits) => bits.buffer)]);
    if (frame.exact) buffers.add(frame.exact.buffer);
    self.postMessage({ id, result }, [...buffers]);
  } catch (error) {
    self.postMessage({ id, error: { code: error.code ?? "refused", detail: error.detail ?? String(error) } });
  }
  running.delete(id);
});

self.postMessage({ isReady: true });
