import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Fake } from "./fake";
import { rows } from "./rows";
import { HEIGHT } from "./setup";
import { connected, grid, numbers, press, selected, watching } from "./watching";

/** In the order of the document. */
const inDocument = () =>
  [...document.querySelectorAll<HTMLElement>(".seen [data-number]")].map((row) => Number(row.dataset.number));

const theScroller = () => document.querySelector(".scroller") as HTMLElement;

/** Scrolls the list as the user does. */
async function scroll(pixels: number): Promise<void> {
  theScroller().scrollTop = pixels;
  await fireEvent.scroll(theScroller());
}

describe("the list", () => {
  it("shows a row for each thing that arrived", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive(
      { kind: "connecting", id: "", data: "connecting" },
      { eventType: "order", id: "e-7", data: '{"n":1}\nsecond' },
      { kind: "comment", id: "", data: "heartbeat" },
    );
    await waitFor(() => expect(rows()).toHaveLength(3));
    const cells = (row: HTMLElement | undefined) =>
      within(row as HTMLElement)
        .getAllByRole("gridcell")
        .map((cell) => cell.querySelector("[role=img]")?.getAttribute("aria-label") ?? cell.textContent?.trim());
    expect(cells(rows()[1])).toEqual([
      "event",
      expect.stringMatching(/^\d\d:\d\d:\d\d\.042$/),
      "order",
      "e-7",
      '{"n":1} ↵ second',
    ]);
    expect(cells(rows()[2]).slice(2)).toEqual(["comment", "", "heartbeat"]);
    expect(rows().map((row) => row.classList.contains("turn"))).toEqual([true, false, false]);
  });

  it("gives no time to a damaged row, whose time is not known", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({ kind: "damaged", data: "row 1 is damaged", unixMicros: 0 });
    await waitFor(() => expect(rows()).toHaveLength(1));
    expect(rows()[0]?.querySelector(".time")?.textContent).toBe("");
    await press(rows()[0]);
    await waitFor(() => expect(document.querySelector("#detail")?.textContent).toContain("is damaged"));
    expect(document.querySelector("#detail")?.textContent).not.toContain("Time");
  });

  it("shows markup as text", async () => {
    const fake = new Fake();
    await connected(fake);
    const data = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    fake.arrive({ data, eventType: "<b>bold</b>", id: "<i>" });
    await waitFor(() => expect(rows()).toHaveLength(1));
    await fireEvent.click(rows()[0] as HTMLElement);
    await waitFor(() => expect(document.querySelector("#data")?.textContent).toBe(data));
    expect(document.querySelector("main img, main script, main b, main i")).toBeNull();
  });

  it("lays out of sight what is mostly new, a half at a time, and shows it then", async () => {
    const fake = new Fake();
    await watching(fake, 100);
    const of = (sheet: Element) =>
      [...sheet.querySelectorAll<HTMLElement>("[data-number]")].map((row) => Number(row.dataset.number));
    /** Of each band: what is seen of it, and what is not. */
    const drawn: { seen: number[][]; unseen: number[][] }[] = [];
    const look = () => {
      const sheets = [...document.querySelectorAll(".sheet")];
      const part = (isSeen: boolean) =>
        sheets.filter((sheet) => sheet.classList.contains("seen") === isSeen).map(of);
      drawn.push({ seen: part(true), unseen: part(false) });
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true });
    const thousand = Array.from({ length: 1000 }, () => ({}));
    const newest = (bands: number[][]) => bands.map((band) => Math.max(...band));
    const isLater = (one: number | undefined, other: number | undefined) => (one ?? 0) >= (other ?? 0) + 900;
    await waitFor(() => {
      // What the user waits for, as the first page is, is seen at once.
      fake.arrive(...thousand);
      const seen = drawn.map(({ seen }) => newest(seen));
      const unseen = drawn.map(({ unseen }) => newest(unseen));
      const any = (test: (at: number) => boolean) => expect(drawn.some((_, at) => test(at))).toBe(true);
      // Its upper half is laid out, then its lower one, before either is seen.
      any((at) => isLater(unseen[at]?.[0], unseen[at]?.[1]) && isLater(unseen[at]?.[0], seen[at]?.[1]));
      any((at) => isLater(unseen[at]?.[0], seen[at]?.[0]) && isLater(unseen[at]?.[1], seen[at]?.[1]));
    });
    observer.disconnect();
    for (const { seen } of drawn) expect(seen).toHaveLength(2);
    const last = fake.rows.length;
    await waitFor(() => {
      const all = numbers();
      expect(all).toEqual(all.map((_, at) => last - (all.length - 1 - at)));
    });
    expect(screen.getAllByRole("row", { name: new RegExp(`${fake.rows.length}`) })).toHaveLength(1);
  });

  it("lays no row on another where the list has scrolled by some rows before, and selects what is pressed", async () => {
    const fake = new Fake();
    await watching(fake, 100);
    const pixels = (text: string) => Number(/-?[\d.]+/.exec(text)?.[0]);
    const yOf = (row: HTMLElement) => {
      const { top, transform } = (row.closest(".sheet") as HTMLElement).style;
      return pixels(top) + pixels(row.style.top) + pixels(transform);
    };
    const seen: number[][] = [];
    const look = () => {
      seen.push([...document.querySelectorAll<HTMLElement>(".seen [data-number]")].map(yOf).sort((a, b) => a - b));
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true });
    let turned = 0;
    for (let last = 100; last < 160; last += 15) {
      // A few rows that come lend the elements of those that leave: the halves lie in one another from now on.
      fake.arrive({}, {}, {});
      await waitFor(() => expect(numbers().at(-1)).toBe(last + 3));
      turned += Number(inDocument().join() !== numbers().join());
      fake.arrive(...Array.from({ length: 12 }, () => ({})));
      await waitFor(() => expect(numbers().at(-1)).toBe(last + 15));
    }
    observer.disconnect();
    expect(turned).toBeGreaterThan(0);
    expect(seen.length).toBeGreaterThan(4);
    for (const ys of seen) expect(ys).toEqual(ys.map((_, at) => (ys[0] as number) + at * 26));
    for (const at of [2, 9, 10, 17]) {
      const row = rows()[at] as HTMLElement;
      const { number } = row.dataset;
      await press(row);
      await waitFor(() => expect(selected()).toBe(`row-${number}`));
    }
  });

  it("selects what is pressed in the lower half of a drawing before its upper half is seen", async () => {
    const fake = new Fake();
    await watching(fake, 100);
    let pressed = 0;
    const look = () => {
      const all = numbers();
      if (pressed > 0 || (all.at(-1) ?? 0) - (all[0] ?? 0) < 500) return;
      pressed = all.at(-1) as number;
      void press(rows().at(-1));
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true });
    await waitFor(() => {
      if (pressed === 0) fake.arrive(...Array.from({ length: 1000 }, () => ({})));
      expect(pressed).toBeGreaterThan(0);
    });
    observer.disconnect();
    await waitFor(() => expect(selected()).toBe(`row-${pressed}`));
  });

  it("draws what a scroll by some rows brings in two frames, beyond what is seen", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    await scroll(500 * 26);
    await waitFor(() => expect(numbers()[0]).toBe(489));
    for (const [to, half, first] of [
      [508, 493, 497],
      [500, 493, 489],
    ] as const) {
      const firsts: (number | undefined)[] = [];
      const observer = new MutationObserver(() => firsts.push(numbers()[0]));
      observer.observe(grid(), { attributes: true, childList: true, characterData: true, subtree: true });
      await scroll(to * 26);
      await waitFor(() => expect(numbers()[0]).toBe(first));
      observer.disconnect();
      expect(firsts).toContain(half);
      const all = numbers();
      expect(all).toEqual(all.map((_, at) => first + at));
    }
  });

  it("has its rows in their order in the document soon after a scroll", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    for (const [to, first] of [
      [500, 489],
      [508, 497],
    ] as const) {
      await scroll(to * 26);
      await waitFor(() => expect(numbers()[0]).toBe(first));
    }
    await waitFor(() => expect(inDocument()).toEqual(numbers()));
  });

  it("has its rows in their order in the document every now and then while a stream is followed", async () => {
    const fake = new Fake();
    await watching(fake, 100);
    const one = async (last: number) => {
      fake.arrive({});
      await waitFor(() => expect(numbers().at(-1)).toBe(last));
    };
    await one(101);
    expect(inDocument()).not.toEqual(numbers());
    let ordered = 0;
    const observer = new MutationObserver(() => (ordered += Number(inDocument().join() === numbers().join())));
    observer.observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true });
    // Before so many came that the order has gone round by itself.
    for (let last = 102; last < 100 + rows().length; last += 1) await one(last);
    observer.disconnect();
    expect(ordered).toBeGreaterThan(0);
  });

  it("keeps only what is seen in the document, and follows the newest", async () => {
    const fake = new Fake();
    await watching(fake, 5000);
    expect(rows().length).toBeLessThan(60);
    fake.arrive({});
    await waitFor(() => expect(numbers().at(-1)).toBe(5001));
  });

  it("pulls one page for many changes, and none when nothing changes", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({});
    await waitFor(() => expect(rows()).toHaveLength(1));
    const before = fake.count("page");
    for (let times = 0; times < 500; times += 1) fake.arrive({});
    await waitFor(() => expect(numbers().at(-1)).toBe(501));
    expect(fake.count("page") - before).toBeLessThan(5);
    const settled = fake.count("page");
    for (let frames = 0; frames < 5; frames += 1) await new Promise(requestAnimationFrame);
    expect(fake.count("page")).toBe(settled);
  });

  it("stays where the user scrolled, and comes back by a click", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    await scroll(2600);
    await waitFor(() => expect(numbers()).toContain(101));
    fake.arrive({});
    const button = await screen.findByRole("button", { name: /Jump to latest/ });
    await waitFor(() => expect(button.textContent).toContain("881 below"));
    expect(numbers()).not.toContain(1001);
    await fireEvent.click(button);
    await waitFor(() => expect(numbers().at(-1)).toBe(1001));
    expect(screen.queryByRole("button", { name: /Jump to latest/ })).toBeNull();
  });

  it("lets the bar grow in steps while it follows, and scrolls away from the newest all the same", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive(...Array.from({ length: 2000 }, () => ({})));
    await waitFor(() => expect(grid().getAttribute("aria-rowcount")).toBe("2001"));
    const spacer = document.querySelector(".spacer") as HTMLElement;
    expect(spacer.style.height).toBe(`${2000 * 26}px`);
    fake.arrive(...Array.from({ length: 100 }, () => ({})));
    await waitFor(() => expect(grid().getAttribute("aria-rowcount")).toBe("2101"));
    expect(spacer.style.height).toBe(`${2000 * 26}px`);
    await scroll(2000 * 26 - HEIGHT - 50 * 26);
    const button = await screen.findByRole("button", { name: /Jump to latest/ });
    await waitFor(() => expect(button.textContent).toContain("50 below"));
    expect(spacer.style.height).toBe(`${2100 * 26}px`);
    await waitFor(() => expect(numbers()).toContain(2050 - 19));
    // By more than a step it grows at once.
    await fireEvent.click(button);
    fake.arrive(...Array.from({ length: 1000 }, () => ({})));
    await waitFor(() => expect(spacer.style.height).toBe(`${3100 * 26}px`));
  });

  it("selects the row that is pressed, not the one that is there at the release", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    await press(rows().at(-4), 2);
    expect(selected()).toBeUndefined();
    await press(rows().at(-4));
    expect(selected()).toBe("row-997");
    const click = { button: 0, detail: 1 };
    await fireEvent.click(rows().at(-1) as HTMLElement, click);
    expect(selected()).toBe("row-997");
    // A screen reader's click has no press.
    await fireEvent.click(rows().at(-1) as HTMLElement);
    expect(selected()).toBe("row-1000");
    // A finger's press may begin a scroll.
    await fireEvent.pointerDown(rows().at(-2) as HTMLElement, { button: 0, pointerType: "touch" });
    expect(selected()).toBe("row-1000");
    await fireEvent.click(rows().at(-2) as HTMLElement, click);
    expect(selected()).toBe("row-999");
  });

  it("stays where it is when a row is clicked", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    const scroller = theScroller();
    const before = scroller.scrollTop;
    expect(before).toBe(1000 * 26 - 520);
    await fireEvent.click(rows().at(-4) as HTMLElement);
    fake.arrive({}, {});
    await screen.findByRole("button", { name: /Jump to latest/ });
    expect(scroller.scrollTop).toBe(before);
  });

  it("stops following at a turn of the wheel, before the list has scrolled", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    const scroller = theScroller();
    const before = 1000 * 26 - scroller.clientHeight;
    await fireEvent.wheel(scroller, { deltaY: -120 });
    fake.arrive({}, {});
    await screen.findByRole("button", { name: /Jump to latest/ });
    expect(scroller.scrollTop).toBe(before);
  });

  it("goes to the latest by a click, though a scroll before it was not told of yet", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    const scroller = theScroller();
    await scroll(260);
    const latest = await screen.findByRole("button", { name: /Jump to latest/ });
    scroller.scrollTop = 2600;
    await fireEvent.click(latest);
    expect(scroller.scrollTop).toBe(1000 * 26 - HEIGHT);
    await fireEvent.scroll(scroller);
    await waitFor(() => expect(numbers().at(-1)).toBe(1000));
    expect(screen.queryByRole("button", { name: /Jump to latest/ })).toBeNull();
  });

  it("follows on when the window grows, which scrolls the list", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    const scroller = theScroller();
    Object.defineProperty(scroller, "clientHeight", { value: 780, configurable: true });
    await scroll(1000 * 26 - 780);
    fake.arrive({});
    await waitFor(() => expect(numbers().at(-1)).toBe(1001));
    expect(screen.queryByRole("button", { name: /Jump to latest/ })).toBeNull();
  });

  it("stays at the rows it shows while older ones fall out", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    const scroller = theScroller();
    await scroll(2600);
    await waitFor(() => expect(numbers()).toContain(101));
    fake.forget(51);
    await waitFor(() => expect(scroller.scrollTop).toBe(2600 - 50 * 26));
    expect(numbers()).toContain(101);
  });

  it("is walked through by the keys", async () => {
    const fake = new Fake();
    await watching(fake, 100);
    const press = (key: string) => fireEvent.keyDown(grid(), { key });
    await press("ArrowUp");
    await waitFor(() => expect(selected()).toBe("row-100"));
    await press("ArrowUp");
    await waitFor(() => expect(selected()).toBe("row-99"));
    expect(grid().getAttribute("aria-activedescendant")).toBe("row-99");
    await press("Home");
    await waitFor(() => expect(selected()).toBe("row-1"));
    await press("End");
    await waitFor(() => expect(selected()).toBe("row-100"));
  });

  it("follows from End on, though a row is selected, until another one is", async () => {
    const fake = new Fake();
    await watching(fake, 100);
    const press = (key: string) => fireEvent.keyDown(grid(), { key });
    const active = () => grid().getAttribute("aria-activedescendant");
    const fifty = (last: number) => {
      fake.arrive(...Array.from({ length: 50 }, () => ({})));
      return waitFor(() => expect([numbers().at(-1), grid().getAttribute("aria-rowcount")]).toEqual([last, `${last + 1}`]));
    };
    await press("Home");
    await waitFor(() => expect(selected()).toBe("row-1"));
    await press("End");
    await waitFor(() => expect(selected()).toBe("row-100"));
    await fifty(150);
    expect(active()).toBe("row-100");
    expect(screen.queryByRole("button", { name: /Jump to latest/ })).toBeNull();
    await press(" ");
    await press("End");
    await waitFor(() => expect(active()).toBe("row-150"));
    await press(" ");
    await fifty(200);
    await press("ArrowUp");
    await waitFor(() => expect(selected()).toBe("row-149"));
    fake.arrive({});
    await screen.findByRole("button", { name: /Jump to latest/ });
    expect(numbers()).toContain(149);
    await press("End");
    await waitFor(() => expect(selected()).toBe("row-201"));
    await press("Escape");
    await waitFor(() => expect(document.querySelector("#detail")).toBeNull());
    fake.arrive({});
    await waitFor(() => expect(numbers().at(-1)).toBe(202));
    expect(selected()).toBeUndefined();
  });
});

describe("the rows that are cleared", () => {
  const button = (name: string) => screen.queryByRole("button", { name });

  it("forgets the rows by a button", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({}, {});
    await waitFor(() => expect(rows()).toHaveLength(2));
    await press(rows()[0]);
    await fireEvent.click(button("Clear") as HTMLElement);
    await waitFor(() => expect(rows()).toHaveLength(0));
    expect(selected()).toBeUndefined();
    expect(button("Clear")).toBeNull();
    screen.getByText("Cleared. What comes from now on appears here.");
    fake.arrive({});
    await waitFor(() => expect(rows()).toHaveLength(1));
    expect(screen.queryByText(/^Cleared/)).toBeNull();
  });

  it("asks before it forgets many rows", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive(...Array.from({ length: 1200 }, () => ({})));
    await screen.findByText("1,200");
    await fireEvent.click(button("Clear") as HTMLElement);
    const sure = await screen.findByRole("button", { name: /^Clear all 1,200 rows$/ });
    expect(fake.count("clear")).toBe(0);
    await fireEvent.blur(sure);
    await fireEvent.click(button("Clear") as HTMLElement);
    await fireEvent.click(await screen.findByRole("button", { name: /^Clear all/ }));
    expect(fake.count("clear")).toBe(1);
  });

  it("takes no double click and no key that is held for an answer", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive(...Array.from({ length: 1200 }, () => ({})));
    await screen.findByText("1,200");
    const told = () => document.querySelector("footer [role=status]")?.textContent;
    expect(told()).toBe("");
    await fireEvent.click(button("Clear") as HTMLElement, { detail: 1 });
    const sure = await screen.findByRole("button", { name: /^Clear all/ });
    expect(told()).toContain("Press once more to clear all rows");
    await fireEvent.click(sure, { detail: 2 });
    // Where it is not prevented, it presses the button.
    expect(await fireEvent.keyDown(sure, { key: "Enter", repeat: true })).toBe(false);
    expect(await fireEvent.keyDown(sure, { key: "Enter" })).toBe(true);
    expect(fake.count("clear")).toBe(0);
    await fireEvent.click(sure, { detail: 1 });
    expect(fake.count("clear")).toBe(1);
  });
});
