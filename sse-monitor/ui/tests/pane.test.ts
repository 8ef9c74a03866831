import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { describe, expect, it } from "vitest";
import { Fake } from "./fake";
import { rows } from "./rows";
import { button, connected, grid, press, watching } from "./watching";

const data = () => document.querySelector("#data") as HTMLElement;

/** Presses a row. Gives the pane once it has its data. */
async function opened(row: number, text: string): Promise<Element> {
  await press(rows()[row]);
  await waitFor(() => expect(data()?.textContent).toBe(text));
  return document.querySelector("#detail") as Element;
}

/** Lets all be copied. */
function copying(): void {
  const writeText = () => Promise.resolve();
  Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
}

describe("the pane of the selected row", () => {
  it("shows the whole event, JSON laid out or raw", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({ eventType: "order", id: "e-1", data: '{"price":1.0,"n":9007199254740993}' });
    await waitFor(() => expect(rows()).toHaveLength(1));
    await fireEvent.click(rows()[0] as HTMLElement);
    const pane = within(await screen.findByRole("region", { name: "Selected row" }));
    expect((await pane.findByRole("heading", { level: 1 })).textContent).toBe("order");
    const data = () => document.querySelector("#data")?.textContent;
    expect(data()).toBe('{\n  "price": 1.0,\n  "n": 9007199254740993\n}');
    await fireEvent.click(pane.getByRole("button", { name: "Raw" }));
    expect(data()).toBe('{"price":1.0,"n":9007199254740993}');
    await fireEvent.click(pane.getByRole("button", { name: "JSON" }));
    let copied = "";
    const writeText = (text: string) => Promise.resolve(void (copied = text));
    Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
    await fireEvent.click(pane.getByRole("button", { name: "Copy" }));
    await pane.findByText("Copied as it came");
    expect(copied).toBe('{"price":1.0,"n":9007199254740993}');
    await fireEvent.click(pane.getByRole("button", { name: "Close" }));
    expect(document.querySelector("#detail")).toBeNull();
    expect(document.activeElement).toBe(grid());
  });

  it("shows the bytes of an event that was dropped, and says which it does not show", async () => {
    const fake = new Fake();
    await connected(fake);
    const data = "an event was dropped: a line of it is longer than 16 bytes, the limit for a line";
    fake.arrive({ kind: "decode_error", data });
    fake.raw = { text: "id: 5\ndata: long", bytes: 3 << 20, ending: "damaged" };
    await waitFor(() => expect(rows()).toHaveLength(1));
    await fireEvent.click(rows()[0] as HTMLElement);
    const pane = within(await screen.findByRole("region", { name: "Selected row" }));
    await pane.findByText(data);
    expect(pane.getByRole("heading", { level: 2 }).textContent).toBe("Bytes");
    expect(document.querySelector("#data")?.textContent).toBe("id: 5\ndata: long");
    expect(document.querySelector("#size")?.textContent).toBe("3.00 MiB (3,145,728 bytes)");
    pane.getByText(/^These are the first MiB of it.*What follows cannot be read\.$/);
    copying();
    await fireEvent.click(pane.getByRole("button", { name: "Copy" }));
    await pane.findByText("Copied the first MiB");
    fake.arrive({ kind: "decode_error", data });
    fake.raw = { text: "data: long", bytes: 10, ending: "unfinished" };
    await waitFor(() => expect(rows()).toHaveLength(2));
    await fireEvent.click(rows()[1] as HTMLElement);
    await pane.findByText("It has no end: this is how far it has come.");
  });

  it("shows another row from its beginning", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({ data: "one" }, { data: "two" });
    await waitFor(() => expect(rows()).toHaveLength(2));
    await fireEvent.click(rows()[0] as HTMLElement);
    const data = () => document.querySelector("#data");
    await waitFor(() => expect(data()?.textContent).toBe("one"));
    const pane = document.querySelector("#detail") as Element;
    for (const scrolled of [pane, data() as Element]) scrolled.scrollTop = 50;
    await fireEvent.click(rows()[1] as HTMLElement);
    await waitFor(() => expect(data()?.textContent).toBe("two"));
    expect([pane.scrollTop, data()?.scrollTop]).toEqual([0, 0]);
  });

  it("shows another row from its beginning though its data is the same", async () => {
    const fake = new Fake();
    await connected(fake);
    const long = `[${"1,".repeat(60_000)}1]`;
    fake.arrive({ data: long }, { data: long }, { data: "[[1]]" }, { data: "[[1]]" });
    await waitFor(() => expect(rows()).toHaveLength(4));
    const pane = await opened(0, long.slice(0, 30_000));
    copying();
    await fireEvent.click(button("Copy"));
    await screen.findByText("Copied");
    await fireEvent.click(button("JSON"));
    await fireEvent.click(button("Show all"));
    for (const scrolled of [pane, data()]) scrolled.scrollTop = 50;
    await opened(1, long.slice(0, 30_000));
    expect([pane.scrollTop, data().scrollTop]).toEqual([0, 0]);
    expect(document.querySelector(".copied")?.textContent).toBe("");
    await opened(2, "[\n  [\n    1\n  ]\n]");
    await fireEvent.click(screen.getAllByRole("button", { name: "Fold" })[1] as HTMLElement);
    expect(screen.queryByRole("button", { name: "Unfold" })).not.toBeNull();
    await opened(3, "[\n  [\n    1\n  ]\n]");
  });

  it("leaves a row as one reads it where it is pressed once more, and more of it came", async () => {
    const fake = new Fake();
    await connected(fake);
    const dropped = "an event was dropped";
    fake.arrive({ kind: "decode_error", data: dropped }, { data: "[[1]]" });
    const come = (text: string) => (fake.raw = { text, bytes: text.length, ending: "unfinished" });
    come(`[${"1,".repeat(60_000)}1]`);
    await waitFor(() => expect(rows()).toHaveLength(2));
    const pane = await opened(0, `[${"1,".repeat(60_000)}`.slice(0, 30_000));
    await fireEvent.click(button("JSON"));
    await fireEvent.click(button("Show all"));
    for (const scrolled of [pane, data()]) scrolled.scrollTop = 50;
    come(`[${"1,".repeat(60_001)}1]`);
    const all = JSON.stringify(JSON.parse(fake.raw?.text ?? ""), null, 2);
    await opened(0, all);
    expect([pane.scrollTop, data().scrollTop]).toEqual([50, 50]);
    fake.raw = null;
    await opened(1, "[\n  [\n    1\n  ]\n]");
    await fireEvent.click(screen.getAllByRole("button", { name: "Fold" })[1] as HTMLElement);
    await press(rows()[1]);
    await waitFor(() => expect(fake.count("row")).toBe(4));
    await tick();
    expect(data().textContent).toBe("[\n  […\n  ]\n]");
  });

  it("gives deep JSON the width that its deepest lines want, and scrolls", async () => {
    const fake = new Fake();
    await connected(fake);
    const deep = "[".repeat(50) + "1" + "]".repeat(50);
    fake.arrive({ data: deep }, { data: "[1]" });
    await waitFor(() => expect(rows()).toHaveLength(2));
    await press(rows()[0]);
    const width = () => document.querySelector<HTMLElement>("#data .text")?.style.minWidth;
    await waitFor(() => expect(width()).toBe("130ch"));
    await fireEvent.click(button("Raw"));
    expect(width()).toBe("");
    await fireEvent.click(button("JSON"));
    await press(rows()[1]);
    await waitFor(() => expect(width()).toBe("32ch"));
  });

  it("names what turns the direction of a text, and copies the text as it came", async () => {
    const fake = new Fake();
    await connected(fake);
    const text = '{"rtl":"\u202eabc\u202c"}';
    fake.arrive({ data: text }, { data: "\u200f".repeat(201) });
    await waitFor(() => expect(rows()).toHaveLength(2));
    await press(rows()[0]);
    const names = () =>
      [...document.querySelectorAll<HTMLElement>("#data [data-name]")].map(({ dataset }) => dataset.name);
    await waitFor(() => expect(names()).toEqual(["\\u{202e}", "\\u{202c}"]));
    await fireEvent.click(screen.getByRole("button", { name: "Raw" }));
    expect(names()).toEqual(["\\u{202e}", "\\u{202c}"]);
    expect(document.querySelector("#data")?.textContent).toBe(text);
    // So many are no elements of their own.
    await press(rows()[1]);
    const named = "\\u{200f}".repeat(201);
    await waitFor(() => expect(document.querySelector("#data")?.textContent).toBe(named));
    expect(names()).toEqual([]);
  });

  it("copies all of a text with NULs in it, and says what stands for them", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({ data: "a\0b\0c" });
    await waitFor(() => expect(rows()).toHaveLength(1));
    await press(rows()[0]);
    await waitFor(() => expect(document.querySelectorAll("#data [data-name]")).toHaveLength(2));
    let copied = "";
    const clipboard = { writeText: (text: string) => Promise.resolve(void (copied = text)) };
    Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
    await fireEvent.click(screen.getByRole("button", { name: "Copy" }));
    await screen.findByText("U+2400 stands in place of 2 NULs, at which a clipboard ends.");
    expect(copied).toBe("a␀b␀c");
    clipboard.writeText = () => Promise.reject(new Error("no"));
    await fireEvent.click(screen.getByRole("button", { name: "Copy" }));
    const told = await screen.findByText(/^Not copied: the system refused/);
    expect(told.closest(".tools")).toBeNull();
  });

  it("says of no other row than the one copied that it is", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({ data: "one" }, { data: "other" });
    await waitFor(() => expect(rows()).toHaveLength(2));
    const data = () => document.querySelector("#data")?.textContent;
    const copied = () => document.querySelector(".copied")?.textContent;
    for (const [outcome, told] of [
      ["done", "Copied"],
      ["refused", ""],
    ] as const) {
      await press(rows()[0]);
      await waitFor(() => expect(data()).toBe("one"));
      let end = () => {};
      const written = new Promise<void>((done, refused) => (end = outcome === "done" ? done : refused));
      Object.defineProperty(navigator, "clipboard", { value: { writeText: () => written }, configurable: true });
      await fireEvent.click(screen.getByRole("button", { name: "Copy" }));
      await press(rows()[1]);
      await waitFor(() => expect(data()).toBe("other"));
      end();
      await written.catch(() => {});
      await tick();
      expect([copied(), document.querySelector("#copy-note")]).toEqual(["", null]);
      // Beside the row itself it is told.
      await fireEvent.click(screen.getByRole("button", { name: "Copy" }));
      await waitFor(() => expect([copied(), document.querySelector("#copy-note") !== null]).toEqual([told, told === ""]));
    }
  });

  it("shows as it came what cannot be laid out, and says why", async () => {
    const fake = new Fake();
    await connected(fake);
    const deep = "[".repeat(10_000) + "]".repeat(10_000);
    const long = `["${"x".repeat(600_000)}"]`;
    fake.arrive({ data: deep }, { data: long }, { data: "[1]" });
    await waitFor(() => expect(rows()).toHaveLength(3));
    await press(rows()[0]);
    const reason = () => document.querySelector("#reason")?.textContent;
    const told = () => document.querySelector("#reason")?.closest("[role=status]");
    await waitFor(() => expect(reason()).toContain("nested more than 100 deep"));
    expect(document.querySelector("#data")?.textContent).toBe(deep);
    const standing = told();
    await press(rows()[1]);
    await waitFor(() => expect(reason()).toContain("Longer than 100,000 characters: press JSON to lay it out"));
    // What is read out is what changes in it.
    expect(told()).toBe(standing);
    expect(standing?.id).not.toBe("reason");
    const json = screen.getByRole("button", { name: "JSON" });
    expect(json.getAttribute("aria-pressed")).toBe("false");
    await fireEvent.click(json);
    expect(document.querySelector("#data")?.textContent?.startsWith('[\n  "xxx')).toBe(true);
    expect(reason()).toBeUndefined();
    await press(rows()[2]);
    await waitFor(() => expect(document.querySelector("#data")?.textContent).toBe("[\n  1\n]"));
  });

  it("lays out what is long once it is indented where that is asked for", async () => {
    const fake = new Fake();
    await connected(fake);
    const long = `[${Array.from({ length: 6000 }, () => 1).join()}]`;
    fake.arrive({ data: long }, { data: "[1]" });
    await waitFor(() => expect(rows()).toHaveLength(2));
    const text = () => document.querySelector("#data")?.textContent;
    const reason = () => document.querySelector("#reason")?.textContent;
    const laidOut = JSON.stringify(JSON.parse(long), null, 2).slice(0, 30_000);
    await press(rows()[0]);
    await waitFor(() => expect(text()).toBe(long));
    expect(reason()).toBe("Long once it is indented: press JSON to lay it out, if it is JSON.");
    await fireEvent.click(button("JSON"));
    expect([text(), reason()]).toEqual([laidOut, undefined]);
    await press(rows()[1]);
    await waitFor(() => expect(text()).toBe("[\n  1\n]"));
    // Nor does it take two presses where all is shown raw.
    await fireEvent.click(button("Raw"));
    await press(rows()[0]);
    await waitFor(() => expect(text()).toBe(long));
    await fireEvent.click(button("JSON"));
    expect([text(), reason()]).toEqual([laidOut, undefined]);
  });

  it("draws no element for each of many lines, however few characters they have", async () => {
    const fake = new Fake();
    await connected(fake);
    const many = (count: number) => `[${Array.from({ length: count }, () => "[]").join()}]`;
    fake.arrive({ data: many(10) }, { data: many(3000) }, { data: many(40_000) });
    await waitFor(() => expect(rows()).toHaveLength(3));
    const text = () => document.querySelector("#data")?.textContent ?? "";
    const elements = () => document.querySelectorAll("#data .text *").length;
    await press(rows()[0]);
    await waitFor(() => expect(text()).toBe(JSON.stringify(JSON.parse(many(10)), null, 2)));
    expect(elements()).toBeGreaterThan(0);
    await press(rows()[1]);
    await waitFor(() => expect(text()).toBe(JSON.stringify(JSON.parse(many(3000)), null, 2)));
    expect(elements()).toBe(0);
    // Of a long one a part is seen, until all is asked for.
    await press(rows()[2]);
    await waitFor(() => expect(text()).toBe(many(40_000).slice(0, 30_000)));
    await fireEvent.click(screen.getByRole("button", { name: "JSON" }));
    screen.getByText(/^The beginning of 240,002 characters\./);
    await fireEvent.click(screen.getByRole("button", { name: "Show all" }));
    expect(text()).toBe(JSON.stringify(JSON.parse(many(40_000)), null, 2));
    expect(elements()).toBe(0);
  });

  it("asks for the row once, however much arrives after it", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({});
    await waitFor(() => expect(rows()).toHaveLength(1));
    await fireEvent.click(rows()[0] as HTMLElement);
    await waitFor(() => expect(document.querySelector("#data")).not.toBeNull());
    for (const length of [2, 3, 4]) {
      fake.arrive({});
      await waitFor(() => expect(rows()).toHaveLength(length));
    }
    expect(fake.count("row")).toBe(1);
  });

  it("stays where one reads in it while the same URL is connected to again", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({ data: '{"of":[1,2]}' });
    await waitFor(() => expect(rows()).toHaveLength(1));
    const pane = await opened(0, '{\n  "of": [\n    1,\n    2\n  ]\n}');
    await fireEvent.click(within(pane as HTMLElement).getAllByRole("button", { name: "Fold" })[1] as HTMLElement);
    const folded = data().textContent;
    expect(folded).toContain("…");
    pane.scrollTop = 20;
    data().scrollTop = 30;
    await fireEvent.click(button("Disconnect"));
    await fireEvent.click(await screen.findByRole("button", { name: "Connect" }));
    // Its watch is another one, in which there may be more of the row.
    await waitFor(() => expect(fake.count("row")).toBe(2));
    await tick();
    expect([data().textContent, data().scrollTop, pane.scrollTop]).toEqual([folded, 30, 20]);
  });

  it("asks for the row anew where it is pressed once more, and shows what came since", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({ kind: "decode_error", data: "an event was dropped" });
    fake.raw = { text: "data: lo", bytes: 8, ending: "unfinished" };
    await waitFor(() => expect(rows()).toHaveLength(1));
    await press(rows()[0]);
    const data = () => document.querySelector("#data")?.textContent;
    await waitFor(() => expect(data()).toBe("data: lo"));
    fake.raw = { text: "data: long", bytes: 10, ending: "whole" };
    await press(rows()[0]);
    await waitFor(() => expect(data()).toBe("data: long"));
    expect(fake.count("row")).toBe(2);
    // A key that is held at the end of the list asks for nothing.
    await fireEvent.keyDown(grid(), { key: "End" });
    await fireEvent.keyDown(grid(), { key: "ArrowDown" });
    await waitFor(() => expect(fake.count("seek")).toBe(2));
    expect(fake.count("row")).toBe(2);
  });

  it("says so when the row has fallen out", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({}, {});
    await waitFor(() => expect(rows()).toHaveLength(2));
    fake.rows.length = 1;
    await fireEvent.click(rows()[1] as HTMLElement);
    await waitFor(() =>
      expect(document.querySelector("#detail")?.textContent).toContain("no longer kept"),
    );
  });
});

describe("the data of an event", () => {
  it("is folded by a click", async () => {
    const fake = new Fake();
    await watching(fake, 1);
    fake.arrive({ data: '{"a":{"b":1},"c":2}' });
    await waitFor(() => expect(rows()).toHaveLength(2));
    await fireEvent.click(rows()[1] as HTMLElement);
    const data = () => document.querySelector("#data")?.textContent;
    await waitFor(() => expect(data()).toBe('{\n  "a": {\n    "b": 1\n  },\n  "c": 2\n}'));
    const folds = screen.getAllByRole("button", { name: "Fold" });
    await fireEvent.click(folds[1] as HTMLElement);
    expect(data()).toBe('{\n  "a": {…\n  },\n  "c": 2\n}');
    await fireEvent.click(button("Unfold"));
    expect(data()).toContain('"b": 1');
  });
});
