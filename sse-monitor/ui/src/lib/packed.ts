/**
 * Reads the bytes of a page: how many bytes its head has, the head in JSON, the rows as the engine packs
 * them (`Row::pack_into` tells how).
 */

import type { Head, Page, Row, RowKind } from "./wire";

const HEADER = 56;
/** Stands for no time in which it is tried again. */
const NEVER = 0xffff_ffff;

/** By their codes. */
const kinds: readonly RowKind[] = [
  "damaged",
  "event",
  "comment",
  "reconnection_time",
  "decode_error",
  "connecting",
  "redirected",
  "connected",
  "disconnected",
  "closed",
  "recording_stopped",
  "damaged",
];

const faults = [
  "other",
  "request",
  "connect",
  "tls",
  "timed_out",
  "http",
  "unavailable",
  "protocol",
  "ended",
  "other",
];

const utf8 = new TextDecoder();

/**
 * Rows that stand in the page before too are the same objects: nothing of them is read again, and nothing
 * that shows them has anything to do.
 */
export function unpack(buffer: ArrayBuffer, before?: Page): Page {
  const view = new DataView(buffer);
  const length = view.getUint32(0, true);
  const head = JSON.parse(utf8.decode(new Uint8Array(buffer, 4, length))) as Head;
  const known = before?.watch === head.watch ? before.rows : [];
  const rows: Row[] = [];
  let next = 0;
  let at = multipleOfEight(4 + length);
  while (at < buffer.byteLength) {
    const data = view.getUint32(at + 40, true);
    const id = view.getUint32(at + 44, true);
    const type = view.getUint32(at + 48, true);
    const number = whole(view, at);
    // Both are in the order of their numbers.
    while (next < known.length && (known[next] as Row).number < number) next += 1;
    const same = known[next];
    const isSame = same?.number === number && same.unixMicros === whole(view, at + 8);
    rows.push(isSame ? same : row(view, at, type, id, data));
    at = multipleOfEight(at + HEADER + type + id + data);
  }
  return { ...head, rows };
}

function row(view: DataView, at: number, type: number, id: number, data: number): Row {
  const text = (from: number, length: number) =>
    length === 0 ? "" : utf8.decode(new Uint8Array(view.buffer, at + HEADER + from, length));
  const kind = kinds[view.getUint8(at + 52)] ?? "damaged";
  const wait = view.getUint32(at + 36, true);
  const row: Row = {
    number: whole(view, at),
    kind,
    unixMicros: whole(view, at + 8),
    elapsedMicros: whole(view, at + 16),
    attempt: view.getUint32(at + 32, true),
    eventType: text(0, type),
    id: text(type, id),
    data: text(type + id, data),
    dataBytes: whole(view, at + 24),
  };
  if (kind === "reconnection_time") row.waitMs = wait;
  if (kind === "redirected" || kind === "connected") row.status = view.getUint16(at + 54, true);
  if (kind === "disconnected") {
    row.retryInMs = wait === NEVER ? null : wait;
    row.fault = faults[view.getUint8(at + 53)] ?? "other";
  }
  return row;
}

/** A number of eight bytes, without the detour over a `bigint`. */
const whole = (view: DataView, at: number) =>
  view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);

const multipleOfEight = (length: number) => Math.ceil(length / 8) * 8;
