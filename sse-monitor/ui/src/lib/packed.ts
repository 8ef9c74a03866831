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

export function unpack(buffer: ArrayBuffer): Page {
  const view = new DataView(buffer);
  const length = view.getUint32(0, true);
  const head = JSON.parse(utf8.decode(new Uint8Array(buffer, 4, length))) as Head;
  const rows: Row[] = [];
  let at = multipleOfEight(4 + length);
  while (at < buffer.byteLength) {
    const data = view.getUint32(at + 40, true);
    const id = view.getUint32(at + 44, true);
    const type = view.getUint32(at + 48, true);
    rows.push(row(view, at, type, id, data));
    at = multipleOfEight(at + HEADER + type + id + data);
  }
  return { ...head, rows };
}

function row(view: DataView, at: number, type: number, id: number, data: number): Row {
  const number = (offset: number) => Number(view.getBigUint64(at + offset, true));
  const text = (from: number, length: number) =>
    length === 0 ? "" : utf8.decode(new Uint8Array(view.buffer, at + HEADER + from, length));
  const kind = kinds[view.getUint8(at + 52)] ?? "damaged";
  const wait = view.getUint32(at + 36, true);
  const row: Row = {
    number: number(0),
    kind,
    unixMicros: number(8),
    elapsedMicros: number(16),
    attempt: view.getUint32(at + 32, true),
    eventType: text(0, type),
    id: text(type, id),
    data: text(type + id, data),
    dataBytes: number(24),
  };
  if (kind === "reconnection_time") row.waitMs = wait;
  if (kind === "redirected" || kind === "connected") row.status = view.getUint16(at + 54, true);
  if (kind === "disconnected") {
    row.retryInMs = wait === NEVER ? null : wait;
    row.fault = faults[view.getUint8(at + 53)] ?? "other";
  }
  return row;
}

const multipleOfEight = (length: number) => Math.ceil(length / 8) * 8;
