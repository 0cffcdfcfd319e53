// SPDX-License-Identifier: Apache-2.0
// The viewer's modules that need no page: node --experimental-default-type=module viewer_modules.test.mjs
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const from = (name) => import(new URL(`../../web/viewer/${name}.js`, import.meta.url));
const { values, text, bytesOf } = await from("dicom");
const geometry = await from("geometry");
const luts = await from("luts");
const matrix = await from("matrix");
const measure = await from("measure");
const { decodeFrame, FrameError, storedAt } = await from("pixels");
const { stream } = await from("encapsulated");
const { PresentationState, colourOf } = await from("presentation");
const { outline } = await from("graphics");
const { decodeJPEGLS } = await from("jpegls");
const { LoadQueue, nearestFirst } = await from("queue");
const { kind, seriesOf } = await from("series");
const exams = await from("exams");

const grey = (changes) => ({ rows: 1, columns: 4, samples: 1, bitsAllocated: 16, bitsStored: 16, highBit: 15, isSigned: false,
  photometric: "MONOCHROME2", planar: 0, overlayBits: [], ...changes });

test("DICOM JSON is read whatever is missing", () => {
  assert.deepEqual(values({}, "00080060"), []);
  assert.equal(text({ "00100010": { vr: "PN", Value: [{ Alphabetic: "A^B" }] } }, "00100010"), "A B");
  assert.equal(text({ "00080061": { vr: "CS", Value: ["CT", null, "MR"] } }, "00080061"), "CT, MR");
  assert.deepEqual(bytesOf({ x: { BulkDataURI: "http://h/studies/1/instances/2/bulkdata/00283010/1/00283006" } }, "x"),
    { path: "00283010/1/00283006" });
});

test("signed values are indices that grow with them", () => {
  const frame = decodeFrame(Int16Array.from([-32768, -1, 0, 32767]).buffer, grey({ isSigned: true }), false);
  assert.deepEqual([...frame.data], [0, 32767, 32768, 65535]);
  assert.deepEqual([0, 1, 2, 3].map((index) => storedAt(frame, index)), [-32768, -1, 0, 32767]);
});

test("bits above and below those that are stored are left out", () => {
  const layout = grey({ bitsStored: 10, highBit: 11, overlayBits: [15] });
  const frame = decodeFrame(Uint16Array.from([0x8ffc, 0x0004, 0x0003, 0xf000]).buffer, layout, false);
  assert.deepEqual([...frame.data], [1023, 1, 0, 0]);
  assert.deepEqual([...frame.overlays[15]], [1, 0, 0, 1]);
});

test("12 bit two's complement keeps its sign", () => {
  const layout = grey({ bitsStored: 12, highBit: 11, isSigned: true });
  const frame = decodeFrame(Uint16Array.from([0x0800, 0x0fff, 0, 0x07ff]).buffer, layout, false);
  assert.deepEqual([0, 1, 2, 3].map((index) => storedAt(frame, index)), [-2048, -1, 0, 2047]);
});

test("a frame that is too short is an error with both numbers", () => {
  assert.throws(() => decodeFrame(new ArrayBuffer(6), grey({}), false),
    (error) => error instanceof FrameError && error.code === "truncated" && error.detail === "6 / 8");
});

test("the example of T.87 H.3 is decoded", () => {
  const stream = Uint8Array.from(`ff d8 ff f7 00 0b 08 00 04 00 04 01 01 11 00 ff da 00 08 01 01 00 00 00 00
    c0 00 00 6c 80 20 8e 01 c0 00 00 57 40 00 00 6e e6 00 00 01 bc 18 00 00 05 d8 00 00 91 60 ff d9`.trim().split(/\s+/),
    (byte) => parseInt(byte, 16));
  assert.deepEqual([...decodeJPEGLS(stream, { rows: 4, columns: 4 })],
    [0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145]);
  assert.throws(() => decodeJPEGLS(stream.slice(0, 30), { rows: 4, columns: 4 }), { code: "damaged" });
  assert.throws(() => decodeJPEGLS(stream, { rows: 4, columns: 5 }), { code: "badSize" });
});

test("one bit is read from the lowest on", () => {
  const layout = grey({ columns: 8, bitsAllocated: 1, bitsStored: 1, highBit: 0 });
  assert.deepEqual([...decodeFrame(Uint8Array.of(0b10000001).buffer, layout, false).data], [1, 0, 0, 0, 0, 0, 0, 1]);
});

test("windows are those of PS3.3 C.11.2.1.2", () => {
  const window = { center: 2048, width: 4096, function: "LINEAR" };
  assert.equal(luts.windowed(window, 0), 0);
  assert.equal(luts.windowed(window, 4095), 1);
  assert.equal(luts.windowed({ center: 2048, width: 1, function: "LINEAR" }, 2047), 0);
  assert.equal(luts.windowed({ center: 2048, width: 1, function: "LINEAR" }, 2048), 1);
  assert.equal(luts.windowed({ center: 10, width: 4, function: "SIGMOID" }, 10), 0.5);
  assert.equal(luts.windowed({ center: 10, width: 4, function: "LINEAR_EXACT" }, 11), 0.75);
});

test("tables go on at both ends, and zero entries are 65536", () => {
  const lut = luts.table([3, 65534, 8], Uint16Array.of(7, 8, 9), true);
  assert.equal(lut.first, -2);
  assert.deepEqual([-5, -2, -1, 0, 9].map((x) => luts.lookUp(lut, x)), [7, 7, 8, 9, 9]);
  assert.equal(luts.table([0, 0, 16], new Uint16Array(65536), false).data.length, 65536);
  assert.equal(luts.table([4, 0, 16], new Uint16Array(3), false), null);
});

test("segments of palettes are expanded", () => {
  const words = Uint16Array.of(0, 2, 5, 10, 1, 4, 50, 2, 1, 0, 0);
  assert.deepEqual([...luts.expandSegments(words, 8)], [5, 10, 20, 30, 40, 50, 5, 10]);
  assert.equal(luts.expandSegments(Uint16Array.of(9, 1, 1), 2), null);
});

const plane = (z, changes = {}) => geometry.plane(changes.position ?? [0, 0, z], changes.orientation ?? [1, 0, 0, 0, 1, 0],
  changes.spacing ?? [0.8, 0.6], 10, 20);

test("places go to the patient and back", () => {
  const one = plane(5);
  assert.deepEqual(geometry.toPatient(one, 0.5, 0.5), [0, 0, 5]);
  const [x, y] = geometry.toImage(one, geometry.toPatient(one, 7.25, 3.5));
  assert.ok(Math.abs(x - 7.25) < 1e-9 && Math.abs(y - 3.5) < 1e-9);
});

test("what is no stack has no reconstruction, and why is said", () => {
  assert.ok(Math.abs(geometry.regularity([plane(0), plane(2), plane(4)]).step - 2) < 1e-9);
  assert.equal(geometry.regularity([plane(0), plane(2), plane(5)]).reason, "gap");
  assert.equal(geometry.regularity([plane(0), plane(2)]).reason, "few");
  assert.equal(geometry.regularity([plane(0), null, plane(2)]).reason, "geometry");
  assert.equal(geometry.regularity([plane(0), plane(1, { position: [1, 0, 1] }), plane(2, { position: [2, 0, 2] })]).reason, "oblique");
  assert.equal(geometry.regularity([plane(0), plane(1, { orientation: [0, 1, 0, 0, 0, 1] }), plane(2)]).reason, "orientation");
});

test("a plane at right angles is a line", () => {
  const coronal = geometry.plane([0, 4, -20], [1, 0, 0, 0, 0, 1], [1, 0.6], 60, 20);
  const [a, b] = geometry.referenceLine(plane(0), coronal);
  assert.ok(Math.abs(a[1] - b[1]) < 1e-9 && Math.abs(a[1] - 5.5) < 1e-9);
  assert.equal(geometry.referenceLine(plane(0), plane(9)), null);
});

test("sides have letters", () => {
  assert.equal(geometry.letters([1, 0, 0]), "L");
  assert.equal(geometry.letters([0, -0.8, 0.6]), "AH");
});

test("turned and mirrored images lie where they are seen", () => {
  const image = { rows: 10, columns: 20, aspect: 1 };
  const at = (view, point) => matrix.apply(matrix.imageToView({ zoom: 1, panX: 0, panY: 0, turn: 0, flip: false, ...view }, image, 100, 100), point);
  assert.deepEqual(at({}, [0, 0]), [40, 45]);
  assert.deepEqual(at({ turn: 1 }, [0, 0]), [55, 40]);
  assert.deepEqual(at({ flip: true }, [0, 0]), [60, 45]);
  const map = matrix.imageToView({ zoom: 2, panX: 3, panY: 4, turn: 3, flip: true }, { ...image, aspect: 1.5 }, 100, 80);
  const [x, y] = matrix.apply(matrix.invert(map), matrix.apply(map, [3, 7]));
  assert.ok(Math.abs(x - 3) < 1e-9 && Math.abs(y - 7) < 1e-9);
});

test("measures are in millimetres of both directions", () => {
  assert.equal(measure.distance([0, 0], [3, 4], [1, 1]), 5);
  assert.ok(Math.abs(measure.distance([0, 0], [10, 10], [0.8, 0.6]) - 10) < 1e-9);
  assert.ok(Math.abs(measure.angle([1, 0], [0, 0], [0, 1], [2, 1]) - 90) < 1e-9);
});

test("the nearest come first, those ahead before those behind", () => {
  assert.deepEqual(nearestFirst(2, 5), [2, 3, 1, 4, 0]);
  assert.deepEqual(nearestFirst(2, 5, -1), [2, 1, 3, 0, 4]);
});

const turns = (count) => Array.from({ length: count }).reduce((before) => before.then(() => new Promise(setImmediate)), Promise.resolve());

test("the first load has the line for itself, others run a few at a time, and a new demand goes before", async () => {
  const started = [];
  const finish = new Map();
  const queue = new LoadQueue({ concurrency: 2, budget: 1000, load: (key) => {
    started.push(key);
    return new Promise((resolve) => { finish.set(key, () => resolve({ value: key, bytes: 10 })); });
  } });
  queue.demand("view", ["a", "b", "c", "d"]);
  assert.deepEqual(started, ["a"]);
  finish.get("a")();
  await turns(3);
  assert.deepEqual(started, ["a", "b", "c"]);
  queue.demand("view", ["d", "c", "b", "a"]);
  finish.get("b")();
  await turns(3);
  assert.deepEqual(started, ["a", "b", "c", "d"]);
  assert.equal(queue.get("a"), "a");
});

test("memory is bounded, what is far is given up first, and nothing wanted more makes room for what is wanted less", async () => {
  const started = [];
  const queue = new LoadQueue({ concurrency: 1, budget: 30, load: async (key) => { started.push(key); return { value: key, bytes: 10 }; } });
  queue.demand("view", [0, 1, 2, 3, 4]);
  await turns(20);
  assert.deepEqual(started, [0, 1, 2]);
  assert.equal(queue.bytes, 30);
  queue.demand("view", [4, 3, 2, 1, 0]);
  await turns(20);
  assert.deepEqual([...queue.kept.keys()].sort(), [2, 3, 4]);
  assert.equal(queue.bytes, 30);
});

test("a load that fails is told and not tried again by itself", async () => {
  let tries = 0;
  const queue = new LoadQueue({ concurrency: 1, budget: 30, load: async () => { tries += 1; throw new FrameError("gone", "404"); } });
  queue.demand("view", ["a"]);
  await turns(10);
  assert.equal(tries, 1);
  assert.equal(queue.failures.get("a").code, "gone");
});

const instance = (classUID, more = {}) => ({ "00080016": { vr: "UI", Value: [classUID] }, "00080018": { vr: "UI", Value: ["1.2"] },
  "0020000E": { vr: "UI", Value: ["1.1"] }, ...more });

test("objects are what their class says", () => {
  assert.equal(kind(instance("1.2.840.10008.5.1.4.1.1.104.1")), "pdf");
  assert.equal(kind(instance("1.2.840.10008.5.1.4.1.1.88.11")), "report");
  assert.equal(kind(instance("1.2.3", { "7FE00010": { vr: "OW", BulkDataURI: "x" } })), "images");
  assert.equal(kind(instance("1.2.3")), "other");
});

test("slices are in order of place, in the direction of their numbers", () => {
  const slice = (number, z) => instance("1.2.840.10008.5.1.4.1.1.2", {
    "00080018": { vr: "UI", Value: [`1.2.${number}`] }, "00200013": { vr: "IS", Value: [number] },
    "7FE00010": { vr: "OW", BulkDataURI: "x" }, "00280010": { vr: "US", Value: [4] }, "00280011": { vr: "US", Value: [4] },
    "00280030": { vr: "DS", Value: [1, 1] }, "00200032": { vr: "DS", Value: [0, 0, z] },
    "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] } });
  const [series] = seriesOf([slice(3, 0), slice(1, 20), slice(2, 10)], "e/0");
  assert.deepEqual(series.images.map((image) => image.number), [1, 2, 3]);
});

test("a presentation state turns before it mirrors, and says its window", () => {
  const set = { "00700042": { vr: "US", Value: [90] }, "00700041": { vr: "CS", Value: ["Y"] }, "20500020": { vr: "CS", Value: ["INVERSE"] },
    "00283110": { vr: "SQ", Value: [{ "00281050": { vr: "DS", Value: [30] }, "00281051": { vr: "DS", Value: [90] } }] } };
  const { isInverse, turn, flip, name } = new PresentationState(set);
  assert.deepEqual({ isInverse, turn, flip, name }, { isInverse: true, turn: 1, flip: true, name: "" });
});

test("a presentation state is of the frames that it names, and each item of those that it names itself", () => {
  const references = (...uids) => ({ vr: "SQ", Value: uids.map((uid) => ({ "00081155": { Value: [uid] } })) });
  const area = (first, second, ...uids) => ({ "00081140": references(...uids), "00700052": { Value: first }, "00700053": { Value: second } });
  const set = { "00081115": { Value: [{ "00081140": references("1.1", "1.2") }] },
    "0070005A": { Value: [area([5, 9], [60, 52], "1.2"), area([64, 64], [1, 1], "1.1")] },
    "00700001": { Value: [{ "00700002": { Value: ["B"] } }, { "00700002": { Value: ["A"] }, "00081140": references("1.2") }] },
    "00700060": { Value: [{ "00700002": { Value: ["A"] }, "00700062": { Value: [1] } },
      { "00700002": { Value: ["B"] }, "00700062": { Value: [2] }, "00700066": { Value: [65535] } }] } };
  const state = new PresentationState(set);
  const [first, second, third] = ["1.1", "1.2", "1.3"].map((uid) => ({ uid, frame: 1 }));
  assert.deepEqual([first, second, third].map((image) => state.isOf(image)), [true, true, false]);
  assert.deepEqual(state.areaOf(second).box, [4, 8, 60, 52]);
  assert.deepEqual(state.areaOf(first).box, [0, 0, 64, 64]);
  assert.deepEqual(state.annotationsOf(first).map((one) => one.colour), [[255, 255, 255]]);
  assert.deepEqual(state.annotationsOf(second).map((one) => one.colour), [null, [255, 255, 255]]);
});

test("colours of layers are sRGB's", () => {
  const lab = (l, a, b) => [Math.round((l / 100) * 65535), Math.round(((a + 128) / 255) * 65535), Math.round(((b + 128) / 255) * 65535)];
  // sRGB's primaries as CIELab with D50.
  for (const [values, expected] of [[[100, 0, 0], [255, 255, 255]], [[0, 0, 0], [0, 0, 0]], [[54.29, 80.81, 69.89], [255, 0, 0]],
    [[87.82, -79.27, 80.99], [0, 255, 0]], [[29.57, 68.3, -112.03], [0, 0, 255]]]) {
    colourOf(lab(...values)).forEach((part, index) => assert.ok(Math.abs(part - expected[index]) <= 2, `${values}: ${colourOf(lab(...values))}`));
  }
});

test("round shapes go through the points that say them", () => {
  const far = (points, [x, y]) => Math.min(...points.map(([a, b]) => Math.hypot(a - x, b - y)));
  const circle = outline({ kind: "CIRCLE", points: [[10, 10], [14, 13]] });
  assert.ok(circle.every(([x, y]) => Math.abs(Math.hypot(x - 10, y - 10) - 5) < 1e-9));
  const ends = [[2, 8], [18, 12], [9, 14], [11, 6]];
  const ellipse = outline({ kind: "ELLIPSE", points: ends });
  for (const end of ends) assert.ok(far(ellipse, end) < 1e-9);
  const through = [[0, 0], [5, 9], [10, 0], [15, 9]];
  for (const point of through) assert.ok(far(outline({ kind: "INTERPOLATED", points: through }), point) < 1e-9);
});

test("a stream is its fragments behind the offset table", () => {
  const item = (bytes) => [0xfe, 0xff, 0x00, 0xe0, bytes.length, 0, 0, 0, ...bytes];
  const bytes = Uint8Array.of(0xe0, 0x7f, 1, 0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff,
    ...item([]), ...item([1, 2]), ...item([3, 4]), 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0);
  assert.deepEqual(stream(bytes).map((fragment) => [...fragment]), [[1, 2], [3, 4]]);
  assert.throws(() => stream(bytes.subarray(0, 32)), { code: "truncated" });
  assert.throws(() => stream(Uint8Array.of(1, 2)), { code: "damaged" });
});

test("the page names every module at once, so that none waits for another", () => {
  const place = new URL("../../web/viewer/", import.meta.url);
  const names = readdirSync(place).filter((name) => name.endsWith(".js") && name !== "worker.js").sort();
  const page = readFileSync(new URL("index.html", place), "utf8");
  assert.deepEqual([...page.matchAll(/"\/viewer\/a\/(\w+\.js)"/g)].map((found) => found[1]).sort(), names);
});

test("what arrives is added to the series that are shown, whose images stay themselves", () => {
  const metadata = (uids) => uids.map((uid) => ({
    "0020000E": { Value: ["1.1"] }, "00080018": { Value: [uid] }, "00200013": { Value: [Number(uid.split(".").at(-1))] },
    "7FE00010": {}, "00080060": { Value: ["CT"] } }));
  const known = seriesOf(metadata(["9.2", "9.4"]), "e/0");
  const [two, four] = known[0].images;
  const more = [...metadata(["9.1", "9.2", "9.3", "9.4"]), { ...metadata(["8.1"])[0], "0020000E": { Value: ["1.2"] } }];
  const merged = exams.merge(known, seriesOf(more, "e/0"));
  assert.equal(merged.length, 2);
  assert.equal(merged[0].series, known[0]);
  assert.deepEqual(merged[0].images.map((image) => image.uid), ["9.1", "9.2", "9.3", "9.4"]);
  assert.equal(merged[0].images[1], two);
  assert.equal(merged[0].images[3], four);
  assert.equal(merged[1].series.images, merged[1].images);
});

test("an exam is described anew when it is worth it", () => {
  const exam = (changes) => ({ described: 100, describedAt: performance.now(), instances: 149, isArriving: true, ...changes });
  assert.equal(exams.isBehind(exam({})), false);
  assert.equal(exams.isBehind(exam({ instances: 150 })), true);
  assert.equal(exams.isBehind(exam({ isArriving: false })), true);
  assert.equal(exams.isBehind(exam({ describedAt: performance.now() - 5001 })), true);
  assert.equal(exams.isBehind(exam({ describedAt: performance.now() - 5001, instances: 100 })), false);
  assert.equal(exams.isBehind({ instances: 1, isArriving: true }), true);
});
