/** JSON laid out for reading, without reading numbers: what a server sent as 1.0 or 2^63 stays so. */

import { count } from "./format";

export interface Token {
  kind: "punctuation" | "key" | "string" | "number" | "literal";
  text: string;
}

/** In characters: longer texts are laid out only if that is asked for, since few read them, and it takes a moment. */
export const LONGEST = 100_000;

interface Limits {
  characters: number;
  depth: number;
  lines: number;
  laidOut: number;
}

/** Beyond these limits a text is never laid out: the window would stall, and nobody finds anything there. */
export const MOST: Limits = {
  characters: 8_000_000,
  /** Each level indents its lines further. */
  depth: 100,
  lines: 500_000,
  /** Characters, once it is indented. */
  laidOut: 16_000_000,
};

/** Keys, values and lines that are drawn each by itself: with more, the window would stall on its layout. */
export const DRAWN = 2_000;

/** The same of what nobody asked for: few characters may be many once they are indented. */
const UNASKED: Limits = { characters: LONGEST, depth: MOST.depth, lines: 5_000, laidOut: 200_000 };

const tooManyLines = ({ lines }: Limits) => `indented it would have more than ${count(lines)} lines`;
const tooLong = ({ laidOut }: Limits) => `indented it would be longer than ${count(laidOut)} characters`;

export interface Layout {
  /** The text, indented; empty of one that is not laid out. */
  text: string;
  /** How deep it is nested: each level indents its lines by two characters more. */
  depth: number;
  /** Joined, they are the same; `null` where there are too many to be drawn. */
  tokens: Token[] | null;
  /** Why JSON is not laid out; empty of what is no JSON. */
  why: string;
}

/** Whether a text may be a JSON object or array. A lone number or string gains nothing from a layout. */
export const looksLikeJson = (text: string): boolean => {
  const first = /^\s*([[{])/.exec(text)?.[1];
  return first !== undefined && text.trimEnd().endsWith(first === "{" ? "}" : "]");
};

/** Whether it is JSON, of a text that {@link looksLikeJson}. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Lays out a text that {@link looksLikeJson} where nobody asked for it; `null` of one that is long. */
export function layOutUnasked(text: string): Layout | null {
  if (text.length > UNASKED.characters) return null;
  const layout = layOut(text, UNASKED);
  return [tooManyLines(UNASKED), tooLong(UNASKED)].includes(layout.why) ? null : layout;
}

/** Lays out a text that {@link looksLikeJson}. */
export function layOut(text: string, most = MOST): Layout {
  const refused = (why: string): Layout => ({ text: "", depth: 0, tokens: null, why });
  if (text.length > most.characters) return refused(`it is longer than ${count(most.characters)} characters`);
  const { depth, commas } = shapeOf(text);
  if (depth > most.depth) return refused(`it is nested more than ${most.depth} deep`);
  // Before it is read: to read so many values takes a moment, too.
  if (commas > most.lines) return refused(tooManyLines(most));
  try {
    JSON.parse(text);
  } catch (error) {
    return refused(error instanceof SyntaxError ? "" : String(error));
  }
  const sheet = new Sheet(most);
  indent(text, sheet);
  const { why } = sheet;
  return why === "" ? { text: sheet.text, depth, tokens: sheet.tokens, why } : refused(why);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

const opens = (code: number): boolean => code === 0x5b || code === 0x7b;
const closes = (code: number): boolean => code === 0x5d || code === 0x7d;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
/** None of the text's own stands below it but its white space. */
const isSpace = (code: number): boolean => code <= 0x20;

/** The number of the character after the string that begins at this one. */
function endOfString(text: string, begin: number): number {
  for (let at = begin + 1; ; at += 1) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    // Behind an even number of backslashes it is no part of the string.
    if ((at - before) % 2 === 0) return at + 1;
  }
}

/** How deep it is nested, and how many commas it has between values: each ends a line. */
function shapeOf(text: string): { depth: number; commas: number } {
  let open = 0;
  let depth = 0;
  let commas = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (code === COMMA) commas += 1;
    else if (opens(code)) depth = Math.max(depth, (open += 1));
    else if (closes(code)) open -= 1;
  }
  return { depth, commas };
}

/** How many parts are joined at a time: each costs more than its characters. */
const JOINED = 10_000;

/** What a text is laid out on: as tokens, as long as they can be drawn, and as one text. */
class Sheet {
  tokens: Token[] | null = [];
  /** Which limit is reached, if one is. */
  why = "";
  #text = "";
  #parts: string[] = [];
  #length = 0;
  #lines = 1;
  #drawn = 1;
  readonly #most: Limits;

  constructor(most: Limits) {
    this.#most = most;
  }

  get text(): string {
    return this.#text + this.#parts.join("");
  }

  add(kind: Token["kind"], text: string): void {
    this.#length += text.length;
    if (this.#length > this.#most.laidOut) this.why = tooLong(this.#most);
    this.#parts.push(text);
    if (this.#parts.length === JOINED) {
      this.#text = this.text;
      this.#parts = [];
    }
    if (kind !== "punctuation") this.#drawn += 1;
    if (this.#drawn > DRAWN) this.tokens = null;
    const last = this.tokens?.at(-1);
    if (last?.kind === kind && kind === "punctuation") last.text += text;
    else this.tokens?.push({ kind, text });
  }

  break(depth: number): void {
    this.#lines += 1;
    this.#drawn += 1;
    if (this.#lines > this.#most.lines) this.why = tooManyLines(this.#most);
    this.add("punctuation", INDENTS[depth] ?? "\n");
  }
}

/** A line break, and what a line of each depth begins with. */
const INDENTS = Array.from({ length: MOST.depth + 1 }, (_, depth) => "\n" + "  ".repeat(depth));

/** Of a text that is JSON. */
function indent(text: string, sheet: Sheet): void {
  const past = (at: number): number => {
    while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
    return at;
  };
  let depth = 0;
  for (let at = past(0); at < text.length && sheet.why === ""; at = past(at)) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      const colon = past(end);
      const isKey = text.charCodeAt(colon) === COLON;
      sheet.add(isKey ? "key" : "string", text.slice(at, end));
      if (isKey) sheet.add("punctuation", ": ");
      at = isKey ? colon + 1 : end;
    } else if (opens(code)) {
      const next = past(at + 1);
      sheet.add("punctuation", text.charAt(at));
      if (closes(text.charCodeAt(next))) {
        sheet.add("punctuation", text.charAt(next));
        at = next + 1;
      } else {
        sheet.break((depth += 1));
        at += 1;
      }
    } else if (closes(code)) {
      sheet.break((depth -= 1));
      sheet.add("punctuation", text.charAt(at));
      at += 1;
    } else if (code === COMMA) {
      sheet.add("punctuation", ",");
      sheet.break(depth);
      at += 1;
    } else {
      let end = at + 1;
      while (isBare(text.charCodeAt(end))) end += 1;
      sheet.add(code === MINUS || isDigit(code) ? "number" : "literal", text.slice(at, end));
      at = end;
    }
  }
}

/** Whether it goes on with a number or literal; not beyond the text's end. */
const isBare = (code: number): boolean => code > 0x20 && code !== COMMA && !closes(code);
