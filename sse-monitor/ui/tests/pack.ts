import type { Head, Row, RowKind } from "../src/lib/wire";

const kinds: RowKind[] = [
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
const faults = ["request", "connect", "tls", "timed_out", "http", "unavailable", "protocol", "ended", "other"];

const utf8 = new TextEncoder();
const padded = (length: number) => Math.ceil(length / 8) * 8;

/** What the Rust side does, as far as the page reads it. */
export function pack(head: Head, rows: Row[]): ArrayBuffer {
  const json = utf8.encode(JSON.stringify(head));
  const texts = rows.map((row) => [row.eventType, row.id, row.data].map((text) => utf8.encode(text)));
  const size = (parts: Uint8Array[]) => padded(parts.reduce((sum, part) => sum + part.length, 56));
  const begin = padded(4 + json.length);
  const buffer = new ArrayBuffer(texts.reduce((sum, parts) => sum + size(parts), begin));
  const view = new DataView(buffer);
  const bytes = new Uint8Array(buffer);
  view.setUint32(0, json.length, true);
  bytes.set(json, 4);
  let at = begin;
  rows.forEach((row, index) => {
    const parts = texts[index] ?? [];
    [row.number, row.unixMicros, row.elapsedMicros, row.dataBytes].forEach((number, slot) =>
      view.setBigUint64(at + 8 * slot, BigInt(number), true),
    );
    const wait = row.kind === "disconnected" ? (row.retryInMs ?? 0xffff_ffff) : (row.waitMs ?? 0);
    const lengths = [parts[2], parts[1], parts[0]].map((part) => part?.length ?? 0);
    [row.attempt, wait, ...lengths].forEach((number, slot) =>
      view.setUint32(at + 32 + 4 * slot, number, true),
    );
    view.setUint8(at + 52, kinds.indexOf(row.kind) + 1);
    view.setUint8(at + 53, faults.indexOf(row.fault ?? "") + 1);
    view.setUint16(at + 54, row.status ?? 0, true);
    let text = at + 56;
    for (const part of parts) {
      bytes.set(part, text);
      text += part.length;
    }
    at += size(parts);
  });
  return buffer;
}
