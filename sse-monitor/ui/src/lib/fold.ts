/** Laid out JSON as lines, of which those between two brackets can be folded away. */

import type { Token } from "./json";

export interface Line {
  tokens: Token[];
  /** Of a line that opens something: the line that closes it. */
  end: number | null;
}

export function lines(tokens: Token[]): Line[] {
  let line: Line = { tokens: [], end: null };
  const all = [line];
  const open: Line[] = [];
  const next = () => {
    line = { tokens: [], end: null };
    all.push(line);
  };
  for (const token of tokens) {
    if (token.kind !== "punctuation") {
      line.tokens.push(token);
      continue;
    }
    token.text.split("\n").forEach((text, part) => {
      if (part > 0) next();
      const close = /^ *[\]}]/.test(text) && line.tokens.length === 0 ? open.pop() : undefined;
      if (close !== undefined) close.end = all.length - 1;
      if (/[[{]$/.test(text)) open.push(line);
      if (text !== "") line.tokens.push({ kind: "punctuation", text });
    });
  }
  return all;
}

/** Which lines are seen where the lines with these numbers are folded. */
export function seen(all: Line[], folded: ReadonlySet<number>): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < all.length; at += 1) {
    numbers.push(at);
    const end = all[at]?.end;
    if (folded.has(at) && end != null) at = end - 1;
  }
  return numbers;
}

/** A part of a line that is coloured, and what stands before it. */
export interface Part {
  before: string;
  kind: Token["kind"];
  text: string;
}

/** Lines that are drawn together: one that opens something, or all up to the next that does. */
export interface Run {
  /** The number of its first line. */
  at: number;
  opens: boolean;
  parts: Part[];
  /** What stands behind them, with the line break but in one that opens something. */
  after: string;
}

/** The lines with these numbers. */
export function runs(all: Line[], numbers: number[]): Run[] {
  const found: Run[] = [];
  let run: Run | undefined;
  for (const at of numbers) {
    const line = all[at] as Line;
    const opens = line.end !== null;
    if (run === undefined || opens || run.opens) {
      run = { at, opens, parts: [], after: "" };
      found.push(run);
    }
    for (const { kind, text } of line.tokens) {
      if (kind === "punctuation") {
        run.after += text;
      } else {
        run.parts.push({ before: run.after, kind, text });
        run.after = "";
      }
    }
    if (!opens && at < all.length - 1) run.after += "\n";
  }
  return found;
}
