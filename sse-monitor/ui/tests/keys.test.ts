import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import App from "../src/App.svelte";
import { Fake, about } from "./fake";
import { rows } from "./rows";
import { button, grid, numbers, press, selected, watching } from "./watching";

/** Presses a button that has the focus, as Enter does. */
const enter = async (name: string | RegExp) => {
  const pressed = await screen.findByRole("button", { name });
  pressed.focus();
  await fireEvent.click(pressed);
};

/** Presses Escape on a button that has the focus. */
const escape = async (name: string) => {
  const left = button(name);
  left.focus();
  await fireEvent.keyDown(left, { key: "Escape" });
  expect(left.isConnected).toBe(false);
};

const isAt = (element: () => Element | null) => waitFor(() => expect(document.activeElement).toBe(element()));

const field = () => screen.getByLabelText<HTMLInputElement>("Search");
const key = (name: string, target: Element = document.body) => fireEvent.keyDown(target, { key: name });

describe("the keys", () => {
  it("work wherever the focus is, but in a field", async () => {
    const fake = new Fake();
    await watching(fake, 50);
    const statistics = button("Statistics");
    statistics.focus();
    await fireEvent.click(statistics);
    await key("ArrowDown", statistics);
    await waitFor(() => expect(selected()).toBeDefined());
    expect(document.activeElement).toBe(screen.getByRole("grid"));
    const pause = button("Pause");
    pause.focus();
    await key("Escape", pause);
    expect([selected(), document.querySelector("#detail")]).toEqual([undefined, null]);
    // A button is pressed by it, which is no pause of its own.
    await key(" ", statistics);
    expect(pause.getAttribute("aria-pressed")).toBe("false");
    await key("/", pause);
    expect(document.activeElement).toBe(field());
    await key("ArrowDown", field());
    expect(selected()).toBeUndefined();
  });

  it("scroll what has the focus where there is more of it than is seen", async () => {
    const fake = new Fake();
    await watching(fake, 50);
    const longer = (element: Element, is = true) =>
      Object.defineProperty(element, "scrollHeight", { value: is ? 10_000 : 0, configurable: true });
    await key("?");
    await fireEvent.click(button("Statistics"));
    for (const name of ["How to search", "Statistics"]) {
      const pane = screen.getByRole("region", { name });
      pane.focus();
      expect(document.activeElement).toBe(pane);
      longer(pane);
      const close = pane.querySelector("button") as HTMLElement;
      // What is not prevented scrolls.
      for (const target of [pane, close]) expect(await key("PageDown", target)).toBe(true);
      expect(selected()).toBeUndefined();
    }
    await fireEvent.click(rows()[0] as HTMLElement);
    const row = await screen.findByRole("region", { name: "Selected row" });
    const data = () => document.querySelector("#data") as HTMLElement;
    await waitFor(() => expect(data()).not.toBeNull());
    // The data takes the keys for all of the pane: it is one stop.
    expect([...row.querySelectorAll("[tabindex='0']")]).toEqual([data()]);
    expect(row.tabIndex).toBe(-1);
    row.focus();
    expect(document.activeElement).toBe(data());
    longer(row);
    // What is seen whole leaves the key to what it stands in.
    for (const target of [row, data()]) expect(await key("ArrowDown", target)).toBe(true);
    longer(row, false);
    const before = selected();
    expect(await key("ArrowDown", data())).toBe(false);
    await waitFor(() => expect(selected()).not.toBe(before));
  });

  it("have a stop in the pane of a row without data too", async () => {
    const fake = new Fake();
    await watching(fake, 1);
    fake.arrive({ kind: "connecting", data: "connecting" });
    await waitFor(() => expect(rows()).toHaveLength(2));
    await press(rows()[0]);
    const row = await screen.findByRole("region", { name: "Selected row" });
    await waitFor(() => expect(row.tabIndex).toBe(-1));
    await press(rows()[1]);
    await waitFor(() => expect(document.querySelector("#data")).toBeNull());
    expect(row.tabIndex).toBe(0);
  });

  it("zoom with Ctrl, as the wheel does", async () => {
    const fake = new Fake();
    await watching(fake, 5);
    const ctrl = (key: string) => fireEvent.keyDown(field(), { key, ctrlKey: true });
    for (const key of ["+", "=", "-", "0", "-"]) await ctrl(key);
    // A touchpad tells a level in many pieces, and one back begins anew.
    for (const deltaY of [-30, 30, -30, -20]) await fireEvent.wheel(document.body, { deltaY, ctrlKey: true });
    const zooms = fake.calls.filter(([command]) => command === "zoom").map(([, args]) => args);
    expect(zooms).toEqual([1.1, 1.25, 1.1, 1, 0.9, 1].map((factor) => ({ factor })));
  });

  it("turn something on or off once, however long they are held", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    const held = (key: string) => fireEvent.keyDown(document.body, { key, repeat: true });
    await key(" ");
    // Nor does it scroll.
    expect(await held(" ")).toBe(false);
    expect(button("Resume").getAttribute("aria-pressed")).toBe("true");
    await key("?");
    await held("?");
    expect(document.querySelector("#search-help")).not.toBeNull();
  });

  it("go to a field that is there already", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await enter("Open");
    field().focus();
    await fireEvent.keyDown(field(), { key: "o", ctrlKey: true });
    expect(document.activeElement).toBe(document.querySelector("#path"));
  });

  it("close one thing at a time by Escape", async () => {
    const fake = new Fake();
    await watching(fake, 50);
    await fireEvent.input(field(), { target: { value: "number 5" } });
    await waitFor(() => expect(numbers()).toEqual([5, 50]));
    await fireEvent.click(rows()[0] as HTMLElement);
    const pane = await screen.findByRole("region", { name: "Selected row" });
    await key("Escape", pane);
    expect(document.querySelector("#detail")).toBeNull();
    expect(numbers()).toEqual([5, 50]);
    await key("Escape", screen.getByRole("grid"));
    await waitFor(() => expect(numbers().length).toBeGreaterThan(2));
  });
});

describe("Ctrl+C", () => {
  /** What was copied, each time. */
  function copies(): string[] {
    const all: string[] = [];
    const writeText = (text: string) => Promise.resolve(void all.push(text));
    Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
    return all;
  }

  const ctrl = (key: string, target: Element = grid(), repeat = false) =>
    fireEvent.keyDown(target, { key, ctrlKey: true, repeat });
  const data = () => document.querySelector("#data")?.textContent;

  /** Presses a row, and waits for its data. */
  async function open(number: number): Promise<void> {
    await press(rows()[number - 1]);
    await waitFor(() => expect(data()).toBe(`event number ${number}`));
  }

  it("copies the data of the selected row where no text is selected", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    const copied = copies();
    expect(await ctrl("c")).toBe(true);
    await open(3);
    // What is selected is for the system to copy.
    getSelection()?.selectAllChildren(document.querySelector("#data") as Element);
    expect(await ctrl("c")).toBe(true);
    getSelection()?.removeAllRanges();
    expect(await ctrl("c", field())).toBe(true);
    expect(copied).toEqual([]);
    expect(await ctrl("c")).toBe(false);
    await screen.findByText("Copied");
    // One that is held does it once.
    expect(await ctrl("c", grid(), true)).toBe(false);
    expect(copied).toEqual(["event number 3"]);
    screen.getByText("Copied");
  });

  it("says so until the next key or press, and anew each time", async () => {
    const fake = new Fake();
    await watching(fake, 1);
    fake.arrive({ kind: "disconnected", data: "the server answered 502" });
    await waitFor(() => expect(rows()).toHaveLength(2));
    const copied = copies();
    const gone = () => waitFor(() => expect(screen.queryByText("Copied")).toBeNull());
    for (const row of [0, 1]) {
      await press(rows()[row]);
      await waitFor(() => expect(document.querySelector("#detail")?.textContent).toContain(["number 1", "502"][row]));
      for (const next of [() => fireEvent.keyDown(grid(), { key: "Control", ctrlKey: true }), () => press(grid())]) {
        await ctrl("c");
        await screen.findByText("Copied");
        await next();
        await gone();
      }
    }
    expect(copied).toHaveLength(4);
  });

  it("copies the row that is selected, and not the one before it that is still shown", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    const copied = copies();
    await open(1);
    let come = () => {};
    fake.lateRow = new Promise((resolve) => (come = resolve));
    await press(rows()[1]);
    await ctrl("c");
    expect([data(), copied]).toEqual(["event number 1", []]);
    come();
    await screen.findByText("Copied");
    expect([data(), copied]).toEqual(["event number 2", ["event number 2"]]);
    // It is not wanted any more once another row is selected.
    fake.lateRow = new Promise((resolve) => (come = resolve));
    await press(rows()[2]);
    await ctrl("c");
    await press(rows()[3]);
    await press(rows()[2]);
    come();
    await waitFor(() => expect(data()).toBe("event number 3"));
    expect(copied).toEqual(["event number 2"]);
  });

  it("copies the row that is selected after another's data was", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    const copied = copies();
    for (const go of [() => open(2), () => fireEvent.keyDown(grid(), { key: "ArrowDown" })]) {
      await open(1);
      await ctrl("a");
      expect(String(getSelection())).toBe("event number 1");
      await go();
      await waitFor(() => expect(data()).toBe("event number 2"));
      await ctrl("c");
    }
    expect(copied).toEqual(["event number 2", "event number 2"]);
    // Nor does a text elsewhere stay selected.
    getSelection()?.selectAllChildren(document.querySelector("#state") as Element);
    await open(3);
    await ctrl("c");
    expect(copied.at(-1)).toBe("event number 3");
  });

  it("copies the sentence of a row without data, and says where there is nothing", async () => {
    const fake = new Fake();
    await watching(fake, 1);
    const copied = copies();
    fake.arrive({ kind: "disconnected", data: "the server answered 502\0" }, { kind: "closed", data: "" }, { data: "" });
    await waitFor(() => expect(rows()).toHaveLength(4));
    await press(rows()[1]);
    await screen.findByText("the server answered", { exact: false, selector: "#detail *" });
    await ctrl("c");
    await screen.findByText("Copied");
    expect(copied).toEqual(["the server answered 502␀"]);
    await fireEvent.click(button("Copy"));
    await waitFor(() => expect(copied).toEqual(Array(2).fill("the server answered 502␀")));
    for (const empty of [2, 3]) {
      await press(rows()[empty]);
      await waitFor(() => expect(screen.queryByText(/Copied|Nothing/)).toBeNull());
      expect(button("Copy")).toHaveProperty("disabled", true);
      await ctrl("c");
      await screen.findByText("Nothing to copy");
    }
    expect(copied).toHaveLength(2);
  });

  it("brings back the selected row from below the statistics", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    const copied = copies();
    await open(2);
    await fireEvent.click(button("Statistics"));
    await waitFor(() => expect(data()).toBeUndefined());
    await ctrl("c");
    await screen.findByText("Copied");
    expect([data(), copied]).toEqual(["event number 2", ["event number 2"]]);
  });
});

describe("WebKit's menu, by which the page is loaded anew", () => {
  it("opens in a field and over a selection alone", async () => {
    const fake = new Fake();
    await watching(fake, 1);
    const opens = (element: Element) => fireEvent.contextMenu(element);
    expect(await opens(rows()[0] as Element)).toBe(false);
    expect(await opens(field())).toBe(true);
    const row = rows()[0] as Element;
    getSelection()?.selectAllChildren(row);
    const lines = [new DOMRect(100, 100, 50, 20), new DOMRect(10, 120, 20, 20)];
    Object.defineProperty(Range.prototype, "getClientRects", { value: () => lines, configurable: true });
    const opensAt = (clientX: number, clientY: number, element = row) =>
      fireEvent.contextMenu(element, { clientX, clientY });
    expect([await opensAt(140, 110), await opensAt(15, 130)]).toEqual([true, true]);
    // Where the click lies beside what is selected, WebKit's menu is the one without a selection.
    expect([await opensAt(50, 110), await opensAt(140, 130), await opensAt(0, 0)]).toEqual([false, false, false]);
    expect(await opensAt(0, 0, field())).toBe(true);
    getSelection()?.removeAllRanges();
    expect(await opensAt(140, 110)).toBe(false);
  });
});

describe("the focus", () => {
  it("goes to the list where Escape closes what it is in", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await enter("How to search");
    await escape("Close");
    await isAt(grid);
    await enter("Open");
    await escape("Cancel");
    await isAt(grid);
    await enter("Statistics");
    await escape("Close");
    await isAt(grid);
  });

  it("goes to the list where a button is gone once it is pressed", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    fake.saving = "/full/feed.ssrec";
    fake.touch();
    await enter(/Stop/);
    await enter("Give it up");
    await screen.findByRole("button", { name: "Record" });
    await isAt(grid);
    fake.saving = "/tmp/feed.ssrec";
    fake.touch();
    await enter(/Stop/);
    await screen.findByRole("button", { name: "Record" });
    await isAt(grid);
    await enter("Dismiss");
    await isAt(grid);
    await enter("Pause");
    await enter(/^Paused/);
    await isAt(grid);
    await enter("Clear");
    await waitFor(() => expect(rows()).toHaveLength(0));
    await isAt(grid);
    await enter("Disconnect");
    await screen.findByRole("button", { name: "Connect" });
    await isAt(grid);
  });

  it("stays beside a button that is gone once it is pressed, where there is something to go on with", async () => {
    const fake = new Fake();
    await watching(fake, 1);
    const data = () => document.querySelector<HTMLElement>("#data");
    fake.arrive({ data: `[${"x".repeat(150_000)}]` });
    await waitFor(() => expect(rows()).toHaveLength(2));
    await press(rows()[1]);
    await waitFor(() => expect(data()).not.toBeNull());
    await enter("JSON");
    expect(screen.queryByRole("button", { name: "JSON" })).toBeNull();
    await isAt(data);
    await enter("Show all");
    await isAt(data);
    const search = screen.getByLabelText<HTMLInputElement>("Search");
    await fireEvent.input(search, { target: { value: "x" } });
    await enter("Clear the search");
    await isAt(() => search);
  });

  it("is not taken by what is gone without it", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await fireEvent.input(field(), { target: { value: "number 5" } });
    const clear = () => screen.queryByRole("button", { name: "Clear the search" });
    const left = button("Clear the search");
    grid().blur();
    await key("Escape");
    expect([clear(), document.activeElement]).toEqual([null, document.body]);
    // Nor by what had it before.
    await fireEvent.input(field(), { target: { value: "number 5" } });
    const other = button("Clear the search");
    expect(other).not.toBe(left);
    other.focus();
    other.blur();
    await key("Escape");
    expect([clear(), document.activeElement]).toEqual([null, document.body]);
  });

  it("is not taken by an answer that comes once it is elsewhere", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    const open = async (): Promise<() => void> => {
      let go = () => {};
      fake.lateFile = new Promise((resolve) => (go = resolve));
      await fireEvent.submit(path()?.closest("form") as HTMLFormElement);
      return go;
    };
    const path = () => document.querySelector("#path");
    await enter("Open");
    const refused = await open();
    field().focus();
    refused();
    await screen.findByRole("alert");
    expect(document.activeElement).toBe(field());
    fake.about = about;
    const opened = await open();
    field().focus();
    opened();
    await waitFor(() => expect(path()).toBeNull());
    expect(document.activeElement).toBe(field());
    // Where it is still in the field it goes to the list.
    await enter("Open");
    const again = await open();
    expect(document.activeElement).toBe(path());
    again();
    await isAt(grid);
  });

  it("goes to the bar where there is no list", async () => {
    const fake = new Fake();
    fake.recovered.troubles.push("What a window had recorded stays in /tmp.");
    render(App);
    await enter("Dismiss");
    await isAt(() => screen.getByLabelText("URL of the event stream"));
  });
});
