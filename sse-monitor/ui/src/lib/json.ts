/** JSON laid out for reading, without reading numbers: what a server sent as 1.0 or 2^63 stays so. */

export interface Token {
  kind: "punctuation" | "key" | "string" | "number" | "literal";
  text: string;
}

/** Longer texts are laid out only if that is asked for: few read them, and it takes a moment. */
export const LONGEST = 512 * 1024;

/** Beyond these limits a text is never laid out: the window would stall, and nobody finds anything there. */
export const MOST = {
  characters: 8 << 20,
  /** Each level indents its lines further. */
  depth: 100,
  laidOut: 16 << 20,
};

export interface Layout {
  /** Joined, they are the text, indented; none of a text that is not laid out. */
  tokens: Token[];
  /** Why JSON is not laid out; empty of what is no JSON. */
  why: string;
}

/** Whether a text may be a JSON object or array. A lone number or string gains nothing from a layout. */
export const looksLikeJson = (text: string): boolean => {
  const first = /^\s*([[{])/.exec(text)?.[1];
  return first !== undefined && text.trimEnd().endsWith(first === "{" ? "}" : "]");
};

/** Lays out a text that {@link looksLikeJson}; it is drawn as another that differs within strings alone. */
export function layOut(text: string, drawn = text): Layout {
  const refused = (why: string): Layout => ({ tokens: [], why });
  if (text.length > MOST.characters) return refused("it is longer than 8 MiB");
  try {
    if (depthOf(text) > MOST.depth) return refused(`it is nested more than ${MOST.depth} deep`);
    JSON.parse(text);
    const tokens = tokensOf(drawn);
    return tokens === null ? refused("indented it would be longer than 16 MiB") : { tokens, why: "" };
  } catch (error) {
    return refused(error instanceof SyntaxError ? "" : String(error));
  }
}

/** The number of the character after the string that begins at this one. */
function endOfString(text: string, begin: number): number {
  for (let at = begin + 1; ; at += 1) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let before = at;
    while (text[before - 1] === "\\") before -= 1;
    // Behind an even number of backslashes it is no part of the string.
    if ((at - before) % 2 === 0) return at + 1;
  }
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at) - 1;
    else if (char === "[" || char === "{") deepest = Math.max(deepest, (depth += 1));
    else if (char === "]" || char === "}") depth -= 1;
  }
  return deepest;
}

const SPACE = /[ \t\r\n]/;
const BARE = /[^\s[\]{},:"]+/y;

/** `null` if they would be too long. */
function tokensOf(text: string): Token[] | null {
  const tokens: Token[] = [];
  let depth = 0;
  let length = 0;
  const add = (kind: Token["kind"], text: string) => {
    length += text.length;
    const last = tokens.at(-1);
    if (last?.kind === kind && kind === "punctuation") last.text += text;
    else tokens.push({ kind, text });
  };
  const past = (at: number): number => {
    while (SPACE.test(text.charAt(at))) at += 1;
    return at;
  };
  const lineBreak = () => "\n" + "  ".repeat(Math.max(depth, 0));
  for (let at = past(0); at < text.length; at = past(at)) {
    if (length > MOST.laidOut) return null;
    const char = text.charAt(at);
    const next = past(at + 1);
    if (char === '"') {
      const end = endOfString(text, at);
      const colon = past(end);
      const isKey = text[colon] === ":";
      add(isKey ? "key" : "string", text.slice(at, end));
      if (isKey) add("punctuation", ": ");
      at = isKey ? colon + 1 : end;
    } else if ((char === "{" && text[next] === "}") || (char === "[" && text[next] === "]")) {
      add("punctuation", char + text.charAt(next));
      at = next + 1;
    } else if (char === "{" || char === "[") {
      depth += 1;
      add("punctuation", char + lineBreak());
      at += 1;
    } else if (char === "}" || char === "]") {
      depth -= 1;
      add("punctuation", lineBreak() + char);
      at += 1;
    } else if (char === ",") {
      add("punctuation", "," + lineBreak());
      at += 1;
    } else {
      BARE.lastIndex = at;
      const bare = BARE.exec(text)?.[0] ?? char;
      add(/[-\d]/.test(char) ? "number" : "literal", bare);
      at += bare.length;
    }
  }
  return tokens;
}
