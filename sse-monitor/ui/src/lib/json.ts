/** JSON laid out for reading, without reading numbers: what a server sent as 1.0 or 2^63 stays so. */

export interface Token {
  kind: "punctuation" | "key" | "string" | "number" | "literal";
  text: string;
}

/** Longer texts are not laid out: nobody reads them, and the window would stall. */
export const LONGEST = 512 * 1024;

/** Whether `text` is a JSON object or array. A lone number or string gains nothing from a layout. */
export function isJson(text: string): boolean {
  if (text.length > LONGEST || !/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Lays out a text for which {@link isJson} holds; joined, the tokens are that text, indented. */
export function layOut(text: string): Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  const add = (kind: Token["kind"], text: string) => {
    const last = tokens.at(-1);
    if (last?.kind === kind && kind === "punctuation") last.text += text;
    else tokens.push({ kind, text });
  };
  const lineBreak = () => "\n" + "  ".repeat(depth);
  const scanner = /"(?:[^"\\]|\\.)*"(\s*:)?|[[{](\s*[\]}])?|[\]},]|[^\s[\]{},:"]+/g;
  for (const [found, colon, emptyEnd] of text.matchAll(scanner)) {
    const first = found.charAt(0);
    if (first === '"') {
      if (colon === undefined) {
        add("string", found);
      } else {
        add("key", found.slice(0, found.length - colon.length));
        add("punctuation", ": ");
      }
    } else if (first === "{" || first === "[") {
      if (emptyEnd !== undefined) {
        add("punctuation", first + emptyEnd.trim());
      } else {
        depth += 1;
        add("punctuation", first + lineBreak());
      }
    } else if (first === "}" || first === "]") {
      depth -= 1;
      add("punctuation", lineBreak() + first);
    } else if (first === ",") {
      add("punctuation", "," + lineBreak());
    } else {
      add(/[-\d]/.test(first) ? "number" : "literal", found);
    }
  }
  return tokens;
}
