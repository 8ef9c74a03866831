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
