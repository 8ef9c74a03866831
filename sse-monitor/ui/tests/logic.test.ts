import { describe, expect, it } from "vitest";
import {
  beginning,
  bytes,
  clock,
  counted,
  dateAndClock,
  named,
  duration,
  hasUnseen,
  hue,
  inFile,
  middleCut,
  missedOf,
  oneLine,
  rate,
  parts,
} from "../src/lib/format";
import type { Report } from "../src/lib/wire";
import { lines, runs, seen } from "../src/lib/fold";
import { DRAWN, LONGEST, MOST, layOut, layOutUnasked, looksLikeJson } from "../src/lib/json";
import { unpack } from "../src/lib/packed";
import { Rate } from "../src/lib/rate";
import { Slots } from "../src/lib/slots";
import { hintOf } from "../src/lib/hint";
import { suggestedPath } from "../src/lib/suggest";
import {
  MAX_HEIGHT,
  ROW_HEIGHT,
  lastTop,
  reveal,
  scrollOfTop,
  shiftAside,
  spacerHeight,
  topOfScroll,
} from "../src/lib/viewport";
import { tell } from "../src/lib/state";
import { type Row, nothing } from "../src/lib/wire";
import sample from "./page.json";
import { report } from "./fake";

describe("a file that was written", () => {
  it("is told with what is not in it", () => {
    const saved = { path: "/tmp/a.ssrec", events: 3, rows: 5, missing: 0, left: 0, bytes: 2048 };
    expect(inFile(saved)).toBe("3 events in /tmp/a.ssrec (2.00 KiB)");
    expect(inFile({ ...saved, left: 7 })).toBe(
      "3 events in /tmp/a.ssrec (2.00 KiB); not in it: the 7 rows after these, which came when the disk of the cache was full",
    );
  });
});

describe("the wire", () => {
  it("is read as the Rust side writes it", () => {
    // That the sample is what Rust writes is a test over there.
    const bytes = Uint8Array.from(sample.hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    expect(unpack(bytes.buffer)).toEqual({ ...sample.head, rows: sample.rows });
  });

  it("gives a row that is in the page before as the same object, of the same watch alone", () => {
    const bytes = Uint8Array.from(sample.hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const before = unpack(bytes.buffer);
    const [first, second] = before.rows as [Row, Row];
    const other = { ...second, unixMicros: second.unixMicros - 1 };
    const now = unpack(bytes.buffer, { ...before, rows: [first, other, ...before.rows.slice(3)] });
    expect(now).toEqual(before);
    expect(now.rows.map((row) => before.rows.includes(row))).toEqual(
      before.rows.map((_, at) => at !== 1 && at !== 2),
    );
    const another = unpack(bytes.buffer, { ...before, watch: before.watch + 1 });
    expect(another.rows.some((row) => before.rows.includes(row))).toBe(false);
  });
});

describe("the viewport", () => {
  const height = 520;

  it("is the list itself while an element can be that high", () => {
    for (const total of [0, 1, 20, 21, 100_000]) {
      expect(spacerHeight(total)).toBe(total * ROW_HEIGHT);
      expect(scrollOfTop(lastTop(total, height), total, height)).toBe(lastTop(total, height));
    }
    expect(lastTop(3, height)).toBe(0);
  });

  it("is a scaled picture of a longer one, whose ends still meet", () => {
    const total = 5_000_000;
    expect(spacerHeight(total)).toBe(MAX_HEIGHT);
    const last = lastTop(total, height);
    expect(scrollOfTop(0, total, height)).toBe(0);
    expect(scrollOfTop(last, total, height)).toBeCloseTo(MAX_HEIGHT - height);
    expect(topOfScroll(MAX_HEIGHT - height, total, height)).toBeCloseTo(last);
    const top = 1_234_567 * ROW_HEIGHT;
    expect(topOfScroll(scrollOfTop(top, total, height), total, height)).toBeCloseTo(top);
  });

  it("moves no farther than a row needs to be seen whole", () => {
    expect(reveal(10, 0, 0, height)).toBe(0);
    expect(reveal(20, 0, 0, height)).toBe(ROW_HEIGHT);
    expect(reveal(20, 2, 0, height)).toBe(3 * ROW_HEIGHT);
    expect(reveal(3, 0, 200, height)).toBe(3 * ROW_HEIGHT);
    expect(reveal(1, 2, 200, height)).toBe(0);
  });
});

describe("the rows' elements", () => {
  it("keep their rows at a small move, and their places at a large one", () => {
    const slots = new Slots();
    expect(slots.turn(100, 40)).toEqual({ first: 0, origin: 100 });
    expect(slots.turn(108, 40)).toEqual({ first: 8, origin: 100 });
    expect(slots.turn(92, 40)).toEqual({ first: 32, origin: 100 });
    expect(slots.turn(5000, 40)).toEqual({ first: 0, origin: 5000 });
    expect(slots.turn(5001, 41)).toEqual({ first: 0, origin: 5001 });
  });

  it("begin anew before they lie too far from where their sheet begins", () => {
    const slots = new Slots();
    slots.turn(0, 40);
    let farthest = 0;
    for (let begin = 0; begin < 200_000; begin += 30) {
      farthest = Math.max(farthest, begin - slots.turn(begin, 40).origin);
    }
    expect(farthest).toBeGreaterThan(40_000);
    expect(farthest).toBeLessThan(60_000);
  });

  it("are out of sight where they are to be, however far their sheet's origin is behind", () => {
    const slots = new Slots();
    slots.turn(0, 40);
    for (let begin = 0; begin < 200_000; begin += 30) {
      const { origin } = slots.turn(begin, 40);
      const lowest = shiftAside(begin, origin) + (begin + 39 - origin) * ROW_HEIGHT;
      expect(lowest).toBeLessThan(-10_000);
    }
  });

  it("begin in the first slot once they are reset", () => {
    const slots = new Slots();
    slots.turn(100, 40);
    expect(slots.turn(110, 40).first).toBe(10);
    slots.reset();
    expect(slots.turn(111, 40)).toEqual({ first: 0, origin: 111 });
  });
});

describe("JSON", () => {
  const laidOut = (text: string) => {
    const { text: whole, tokens } = layOut(text);
    if (tokens !== null) expect(tokens.map((token) => token.text).join("")).toBe(whole);
    return whole;
  };
  const tokensOf = (text: string) => layOut(text).tokens ?? [];
  const listed = (value: string, count: number) => `[${Array.from({ length: count }, () => value).join()}]`;

  it("is laid out as JSON.stringify would", () => {
    const value = {
      text: 'with "quotes", \\ and {braces}: [1]',
      empty: {},
      none: [],
      list: [1, -2.5e3, true, false, null, { deep: [[]] }],
      "a:b": "",
    };
    expect(laidOut(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
    expect(laidOut(JSON.stringify(value, null, "\t"))).toBe(JSON.stringify(value, null, 2));
  });

  it("keeps numbers and escapes as they were sent", () => {
    expect(laidOut('{"a":1.0,"b":9007199254740993,"c":"\\u00e9"}')).toBe(
      '{\n  "a": 1.0,\n  "b": 9007199254740993,\n  "c": "\\u00e9"\n}',
    );
  });

  it("is drawn a few lines at a time, between those that open something", () => {
    const all = lines(tokensOf('{"a":1,"b":{"c":[2,3]},"d":[]}'));
    const drawn = (folded: number[]) =>
      runs(all, seen(all, new Set(folded))).map(({ at, opens, parts, after }) => {
        const text = parts.map(({ before, text }) => before + text).join("") + after;
        return [at, text + (opens ? "\n" : "")];
      });
    expect(drawn([])).toEqual([
      [0, "{\n"],
      [1, '  "a": 1,\n'],
      [2, '  "b": {\n'],
      [3, '    "c": [\n'],
      [4, '      2,\n      3\n    ]\n  },\n  "d": []\n}'],
    ]);
    expect(drawn([2])).toEqual([
      [0, "{\n"],
      [1, '  "a": 1,\n'],
      [2, '  "b": {\n'],
      [7, '  },\n  "d": []\n}'],
    ]);
  });

  it("names what each part is", () => {
    expect(tokensOf('{"k":["v",1,null]}').filter(({ kind }) => kind !== "punctuation")).toEqual([
      { kind: "key", text: '"k"' },
      { kind: "string", text: '"v"' },
      { kind: "number", text: "1" },
      { kind: "literal", text: "null" },
    ]);
  });

  it("is folded between its brackets", () => {
    const all = lines(tokensOf('{"a":{"b":[1,2]},"c":[],"d":"{"}'));
    const text = (numbers: number[]) =>
      numbers.map((at) => all[at]?.tokens.map((token) => token.text).join("").trim());
    expect(text(seen(all, new Set()))).toEqual([
      "{",
      '"a": {',
      '"b": [',
      "1,",
      "2",
      "]",
      "},",
      '"c": [],',
      '"d": "{"',
      "}",
    ]);
    expect(text(seen(all, new Set([2])))).toEqual([
      "{",
      '"a": {',
      '"b": [',
      "]",
      "},",
      '"c": [],',
      '"d": "{"',
      "}",
    ]);
    expect(text(seen(all, new Set([0])))).toEqual(["{", "}"]);
  });

  it("is only an object or an array, whole", () => {
    expect(looksLikeJson(' {"a":1} ')).toBe(true);
    for (const text of ["", "1", '"text"', "null", '{"a":1', "[1,}", "tick"]) {
      expect(looksLikeJson(text), text).toBe(false);
    }
    for (const text of ["[1,]", "{a:1}", '["]', "[]]", '{"a":"\\"}']) {
      expect(layOut(text), text).toEqual({ text: "", depth: 0, tokens: null, why: "" });
    }
  });

  it("is one text where its tokens or its lines are more than can be drawn", () => {
    for (const value of ["1", "[]", '{"a":"b"}']) {
      const all = listed(value, 50_000 / value.length);
      expect(all.length).toBeLessThanOrEqual(LONGEST + 2);
      expect(layOut(all).tokens, value).toBeNull();
      expect(laidOut(all)).toBe(JSON.stringify(JSON.parse(all), null, 2));
    }
    expect(layOut(listed("[]", DRAWN - 4)).tokens).not.toBeNull();
    expect(layOut(listed("1", DRAWN / 2 - 4)).tokens).not.toBeNull();
    expect(layOut(listed("1", DRAWN / 2)).tokens).toBeNull();
  });

  it("is not laid out where it would stall the window, and says why", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(layOut(nested(MOST.depth)).why).toBe("");
    const refused = (why: string) => ({ text: "", depth: 0, tokens: null, why });
    for (const depth of [MOST.depth + 1, 30_000, 1_000_000]) {
      expect(layOut(nested(depth))).toEqual(refused("it is nested more than 100 deep"));
    }
    expect(layOut(listed("1", MOST.lines + 2))).toEqual(refused("indented it would have more than 500,000 lines"));
    // Of as many lines with half as many commas.
    const pairs = listed("[1]", MOST.lines / 3 + 1);
    expect(layOut(pairs)).toEqual(refused("indented it would have more than 500,000 lines"));
    // Shallow enough, and each of its characters on a line of its own.
    const wide = "[".repeat(99) + "1" + ",1".repeat(90_000) + "]".repeat(99);
    expect(layOut(wide)).toEqual(refused("indented it would be longer than 16,000,000 characters"));
    expect(layOut(`["${"x".repeat(MOST.characters)}"]`)).toEqual(refused("it is longer than 8,000,000 characters"));
  });

  it("is laid out unasked where it is short both before and after", () => {
    const short = [listed("1", 4000), listed("[]", 4000), "[1,]"];
    for (const text of short) expect(layOutUnasked(text)).toEqual(layOut(text));
    const wide = "[".repeat(99) + "1" + ",1".repeat(2000) + "]".repeat(99);
    const long = [listed("1", 5000), listed("[1]", 2000), wide, `["${"x".repeat(LONGEST)}"]`];
    for (const text of long) expect([layOutUnasked(text), layOut(text).why]).toEqual([null, ""]);
    // What is asked for would not be laid out either.
    const deep = "[".repeat(101) + "]".repeat(101);
    expect(layOutUnasked(deep)?.why).toBe("it is nested more than 100 deep");
  });

  it("may have long strings with many escapes", () => {
    const text = JSON.stringify({ a: '\\"'.repeat(200_000), b: "[" });
    expect(laidOut(text)).toBe(JSON.stringify(JSON.parse(text), null, 2));
  });
});

describe("formats", () => {
  it("tells of missed events no more than IDs do", () => {
    const missed = (numbering: Report["numbering"]) => missedOf({ ...report, numbering, missedAtLeast: 1200 });
    expect(missed("one_by_one")).toBe("1,200");
    expect(missed("anew")).toBe("at least 1,200: the server began to count anew");
    expect(missed("mostly_one_by_one")).toBe("at least 3, if IDs count one by one");
    expect(missed("too_few")).toBe("at least 3, if IDs count one by one");
    expect(missedOf({ ...report, numbering: "too_few", skipped: 0 })).toMatch(/^not known: /);
    for (const nothing of ["no_ids", "not_one_by_one"] as const) {
      expect(missed(nothing)).toMatch(/^not known: /);
    }
  });

  it("puts any text on one line, with signs for what cannot be seen", () => {
    expect(oneLine("a\r\nb\rc\nd")).toBe("a ↵ b ↵ c ↵ d");
    expect(oneLine("\t\u0000\u001b[31m\u007f")).toBe(" ⇥ \\u{0}\\u{1b}[31m\\u{7f}");
    expect(oneLine("safe\u202eexe.txt\u2066")).toBe("safe\\u{202e}exe.txt\\u{2066}");
    expect(oneLine("\u0085\u200b\ufeff\u2028\u2029")).toBe("\\u{85}\\u{200b}\\u{feff}\\u{2028}\\u{2029}");
    // What joins the parts of a sign is a part of it.
    expect(oneLine("👩\u200d💻")).toBe("👩\u200d💻");
    expect(oneLine("\ufffd\u061c\u009b")).toBe("\ufffd\\u{61c}\\u{9b}");
  });

  it("cuts no sign in two", () => {
    expect([1, 2, 3, 4].map((most) => beginning("a👩b", most))).toEqual(["a", "a", "a👩", "a👩b"]);
  });

  it("takes a text apart where there is what is not seen, and loses nothing of it", () => {
    const text = "a\u202ebc\u0007\u200f\n";
    expect(parts(text).map(({ name, text }) => name ?? text)).toEqual([
      "a",
      "\\u{202e}",
      "bc",
      "\\u{7}",
      "\\u{200f}",
      "\n",
    ]);
    expect(parts(text).map((part) => part.text).join("")).toBe(text);
    expect([0, 2, 3].map((most) => hasUnseen(text, most))).toEqual([true, true, false]);
    expect(named(text)).toBe("a\\u{202e}bc\\u{7}\\u{200f}\n");
    // A break is seen, and a CR by itself is none.
    expect(parts("a\r\nb\rc").map(({ name, text }) => name ?? text)).toEqual(["a\r\nb", "\\u{d}", "c"]);
    expect(parts("\0")).toEqual([{ text: "␀", name: "\\u{0}" }]);
  });

  it("tells the time to the millisecond", () => {
    const micros = new Date(2026, 10, 23, 8, 5, 9, 7).getTime() * 1000 + 999;
    expect(clock(micros)).toBe("08:05:09.007");
    expect(dateAndClock(micros)).toMatch(/^2026-11-23 08:05:09\.007 [+−]\d\d:\d\d$/);
  });

  it("counts", () => {
    expect([1, 2, 1234567].map((value) => counted(value, "row"))).toEqual([
      "1 row",
      "2 rows",
      "1,234,567 rows",
    ]);
    expect([0, 1, 1023, 1024, 2714, 12_345, 1_047_000, 268_435_456].map(bytes)).toEqual([
      "0 bytes",
      "1 byte",
      "1,023 bytes",
      "1.00 KiB",
      "2.65 KiB",
      "12.06 KiB",
      "1022.46 KiB",
      "256.00 MiB",
    ]);
    expect([0, 0.25, 9.96, 12_345.6].map(rate)).toEqual(["0.0/s", "0.3/s", "10/s", "12,346/s"]);
  });

  it("tells a span of time in the unit that suits it", () => {
    const spans = [840, 12_345, 999_600, 4_200_000, 59_960_000, 185_000_000, 7_260_000_000];
    expect(spans.map(duration)).toEqual([
      "840 µs",
      "12.3 ms",
      "1.00 s",
      "4.20 s",
      "1 min 0 s",
      "3 min 5 s",
      "2 h 1 min",
    ]);
  });

  it("suggests a file by host and time", () => {
    const now = new Date(2026, 10, 23, 8, 5, 9);
    const path = (url: string) => suggestedPath(url, now);
    expect(path("http://***@127.0.0.1:8080/a/b?c")).toBe("~/127.0.0.1-8080-2026-11-23-080509.ssrec");
    expect(path("")).toBe("~/stream-2026-11-23-080509.ssrec");
  });

  it("cuts an id where it differs least", () => {
    expect(middleCut("0123456789", 10)).toBe("0123456789");
    expect(middleCut("0123456789abcdef", 10)).toBe("012…abcdef");
  });

  it("gives a type always the same hue, and a plain message none", () => {
    expect(hue("message")).toBeNull();
    expect(hue("order")).toBe(hue("order"));
    expect(hue("order")).not.toBe(hue("tick"));
  });
});

describe("the hint where nothing passes", () => {
  it("is of what was written", () => {
    const capitals = "Capitals count in quotes, in /…/, in type: and in id:.";
    for (const text of ['"EUR"', "-x type:price", "id:7", "/^EUR/", "eur /^a b/"]) expect(hintOf(text)).toBe(capitals);
    const word = (of: string) => `A word is looked for in the data alone: type:${of} finds events of that type.`;
    for (const text of ["price", " price ", "/api/users"]) expect(hintOf(text)).toBe(word(text.trim()));
    expect(hintOf("eur usd")).toBe("A row has to pass all that is written.");
    expect(hintOf("eur kind:comment")).toBe("A row has to pass all that is written.");
    for (const text of ["$.bid", ".bid > 1.08", "eur -$.bid"]) expect(hintOf(text)).toBe("Only JSON passes a test on it.");
    for (const text of ["", "kind:comment", "attempt:2", "-price", "/^eur/i"]) expect(hintOf(text)).toBe("");
  });
});

describe("the state in words", () => {
  const { snapshot } = nothing;

  it("waits for the first event only where there was none before", () => {
    const open = { ...snapshot, state: { name: "open", attempt: 1 } } as const;
    expect(tell(open, 0).sentence).toBe("Waiting for the first event.");
    expect(tell({ ...open, firstRow: 8, nextRow: 8 }, 0).sentence).toBe("");
    expect(tell({ ...open, firstRow: 8, nextRow: 9 }, 0).sentence).toBe("");
  });

  it("names the way round of what the server answered, and not of what it said", () => {
    const failed = (sentence: string) =>
      tell({ ...snapshot, state: { name: "failed", failure: { fault: "http", sentence } } }, 0).sentence;
    for (const status of ["401 Unauthorized", "403 Forbidden: “error 404”"]) {
      expect(failed(`the server answered ${status}`)).toContain("sse record");
    }
    for (const said of ["404: “error 401”", "500: “it answered 403”"]) {
      expect(failed(`http://127.0.0.1:401/ answered ${said}`)).not.toContain("sse record");
    }
  });
});

describe("the rate", () => {
  it("is what came over the last seconds, and sinks to nothing", () => {
    const meter = new Rate();
    for (let second = 0; second <= 10; second += 1) meter.note(second * 50, second * 1000);
    expect(meter.at(10_000)).toBeCloseTo(50, 0);
    expect(meter.at(12_000)).toBeLessThan(50);
    expect(meter.at(14_000)).toBe(0);
  });

  it("begins anew with another watch", () => {
    const meter = new Rate();
    meter.note(1000, 0);
    meter.note(0, 500);
    meter.note(3, 1000);
    expect(meter.at(1500)).toBeCloseTo(3);
  });
});
