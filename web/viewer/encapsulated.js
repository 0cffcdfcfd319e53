// SPDX-License-Identifier: Apache-2.0
// The stream in an instance whose pixel data is one, as video is (PS3.5 A.4, 8.2.5 and following).
import { FrameError } from "./pixels.js";

// (7FE0,0010) OB of undefined length, explicit little endian as all encapsulated syntaxes are.
const start = [0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff];

/** All fragments behind the Basic Offset Table, put together. */
export function stream(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = bytes.indexOf(start[0]);
  while (at >= 0 && !start.every((byte, index) => bytes[at + index] === byte)) at = bytes.indexOf(start[0], at + 1);
  if (at < 0) throw new FrameError("damaged", "Pixel Data");
  const fragments = [];
  at += start.length;
  while (at + 8 <= bytes.length && view.getUint32(at, true) === 0xe000fffe) {
    const length = view.getUint32(at + 4, true);
    if (length > bytes.length - at - 8) throw new FrameError("truncated", `${bytes.length - at - 8} / ${length}`);
    fragments.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return fragments.slice(1);
}
