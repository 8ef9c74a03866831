import { oneLine } from "./format";

/** A term that begins like one of these, at the beginning of a search or behind a space. */
const begins = (forms: string) => new RegExp(`(?:^|\\s)-?(?:${forms})`);

const TEST = begins(String.raw`\$[.[]|\.[A-Za-z_"[]\S*\s*[=!<>~]`);
const EXACT = begins(String.raw`"|type:|id:|/.+/(?:\s|$)`);
const NO_WORD = begins(String.raw`kind:|attempt:|/.+/i(?:\s|$)`);

/** What may be the reason that nothing passes this search, in a sentence; empty if there is none to be named. */
export function hintOf(text: string): string {
  const terms = text.trim().split(/\s+/);
  const [only = ""] = terms;
  if (TEST.test(text)) return "Only JSON passes a test on it.";
  if (EXACT.test(text)) return "Capitals count in quotes, in /…/, in type: and in id:.";
  if (terms.length > 1) return "A row has to pass all that is written.";
  if (only === "" || only.startsWith("-") || NO_WORD.test(text)) return "";
  return `A word is looked for in the data alone: type:${oneLine(only)} finds events of that type.`;
}
