/** Values as people read them. */

import type { About, Report, Saved } from "./wire";

const pad = (value: number, width: number) => String(value).padStart(width, "0");

/** The last second that was told, since rows of one second come together. */
let told = { second: NaN, text: "" };

/** `18:20:31.042`, by the window's own time zone. */
export function clock(unixMicros: number): string {
  const millis = Math.floor(unixMicros / 1000);
  const second = Math.floor(millis / 1000);
  if (told.second !== second) {
    const date = new Date(second * 1000);
    const text = `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
    told = { second, text };
  }
  return `${told.text}.${pad(millis - second * 1000, 3)}`;
}

/** `2026-11-23 18:20:31.042 +01:00`. */
export function dateAndClock(unixMicros: number): string {
  const date = new Date(unixMicros / 1000);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;
  const east = -date.getTimezoneOffset();
  const zone = `${east < 0 ? "−" : "+"}${pad(Math.floor(Math.abs(east) / 60), 2)}:${pad(Math.abs(east) % 60, 2)}`;
  return `${day} ${clock(unixMicros)} ${zone}`;
}

const whole = new Intl.NumberFormat("en-US");

export const count = (value: number): string => whole.format(value);

/** Whether what the server of a recording answered is known, as it is of all that was not imported as a body alone. */
export const hasStatus = (about: About | null): boolean => about === null || about.importedFrom === null || about.url !== "";

/** Of so many events a second on average; of a part of a second it would be more than came in any. */
export const averageOf = (report: Report): string => rate(Math.min(report.rate, report.peakRate));

/** How many events did not come, as far as their IDs tell; in a recording, if there is something to say of it. */
export function missedOf(report: Report, about: About | null = null): string {
  if (about?.isLoss === true && report.skipped > 0 && report.numbering !== "not_one_by_one") {
    return `not known: IDs leave out ${count(report.skipped)}, and part of the recording cannot be read`;
  }
  switch (report.numbering) {
    case "one_by_one":
      return count(report.missedAtLeast);
    case "anew":
      return `at least ${count(report.missedAtLeast)}: the server began to count anew`;
    case "no_ids":
      return "not known: no event has an ID";
    case "too_few":
      if (report.skipped > 0) return `at least ${count(report.skipped)}, if IDs count one by one`;
      return `not known: too few events${about === null ? " so far" : ""}`;
    case "mostly_one_by_one":
      return `at least ${count(report.skipped)}, if IDs count one by one`;
    case "not_one_by_one":
      return "not known: IDs do not count one by one";
  }
}

/** How many rows of a recording cannot be read, in the words of `sse show --stats`; empty if none. */
export function damagedOf(report: Report, about: About | null): string {
  const rows = counted(report.damaged, "row");
  if (about?.countsLostRows !== false) return report.damaged === 0 ? "" : `${rows}, not counted as what they were`;
  if (report.damaged > 0) return `${rows}, and others; what tells how many is damaged too`;
  return "not known how many rows: what tells their numbers is damaged too";
}

/** `1 event`, `2 events`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** From so many bytes on they are told by a larger unit. */
export const KIB = 1024;

/** In the units of `sse`, with as many digits. */
export function bytes(value: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  if (value < KIB) return counted(value, "byte");
  let unit = 0;
  while (value >= KIB && unit < units.length - 1) {
    value /= KIB;
    unit += 1;
  }
  return `${value.toFixed(2)} ${units[unit]}`;
}

/** Events a second: a digit after the point while they are few. */
export function rate(perSecond: number): string {
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : count(Math.round(perSecond))}/s`;
}

/** The two ends of a text too long for its column: ids that count up differ at the end. */
export function middleCut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const head = Math.floor((longest - 1) / 3);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}

/** A text without its end, if it is too long for its column. */
export function endCut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}

/** Whether all of it is as wide as the characters of the font for data are. */
export const isPlain = (text: string): boolean => /^[ -~]*…?$/.test(text);

/** A text on one line: breaks and tabs become visible signs, and what is not seen is named. */
export function oneLine(text: string): string {
  // Most texts are.
  if (isPlain(text)) return text;
  return text
    .replace(/\r\n|\r|\n/g, " ↵ ")
    .replace(/\t/g, " ⇥ ")
    .replace(UNSEEN, nameOf);
}

/**
 * What is not seen itself: control characters, spaces and breaks without width, and what turns the direction
 * of a text. Not those that join letters, which scripts and emoji are made of; breaks and tabs are seen. A CR by
 * itself breaks no line on the screen.
 */
const UNSEEN =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]|\r(?!\n)/g;

/** A character by its number, as `sse` writes it. */
const nameOf = (char: string): string => `\\u{${char.codePointAt(0)?.toString(16)}}`;

/** A part of a text; with a name where it is a character to be named in place of what it does. */
export interface Part {
  text: string;
  name: string | null;
}

/** Whether more than so many characters of the text are not seen. */
export function hasUnseen(text: string, most = 0): boolean {
  let found = 0;
  for (const _ of text.matchAll(UNSEEN)) if ((found += 1) > most) return true;
  return false;
}

/** The text with those named. */
export const named = (text: string): string => text.replace(UNSEEN, nameOf);

/** The text in parts, each of those by itself. */
export function parts(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const { 0: char, index } of text.matchAll(UNSEEN)) {
    if (index > from) parts.push({ text: text.slice(from, index), name: null });
    parts.push({ text: copyable(char), name: nameOf(char) });
    from = index + char.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), name: null });
  return parts;
}

/** So many characters of the text, but for half a sign at the end. */
export function beginning(text: string, most: number): string {
  const isCut = /[\ud800-\udbff]/.test(text.charAt(most - 1)) && most < text.length;
  return text.slice(0, isCut ? most - 1 : most);
}

/** The text with a sign in place of each NUL, at which a clipboard ends. */
export const copyable = (text: string): string => text.replaceAll("\0", "␀");

/** A hue for an event type, always the same one; `null` for the plain `message`. */
export function hue(eventType: string): number | null {
  if (eventType === "message") return null;
  const hues = [250, 150, 320, 200, 100, 285, 175, 350];
  let hash = 0;
  for (const char of eventType) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hues[hash % hues.length] ?? null;
}

/** A span of time with the unit that suits it: `840 µs`, `12.3 ms`, `4.20 s`, `3 min 5 s`. */
export function duration(micros: number): string {
  if (micros < 1000) return `${Math.round(micros)} µs`;
  if (micros < 999_500) return `${(micros / 1000).toPrecision(3)} ms`;
  if (micros < 59_950_000) return `${(micros / 1_000_000).toPrecision(3)} s`;
  const seconds = Math.round(micros / 1_000_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What there is in a recording. */
export function inFile({ path, events, rows, missing, left, bytes: size }: Saved): string {
  const what =
    missing === 0
      ? counted(events, "event")
      : `the newest ${counted(rows, "row")}, without ${count(missing)} older that had been let go,`;
  const without =
    left === 0
      ? ""
      : `; not in it: the ${counted(left, "row")} after these, which came when the disk of the cache was full`;
  return `${what} in ${path} (${bytes(size)})${without}`;
}

/** The last part of a path. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== "") ?? path;
}
