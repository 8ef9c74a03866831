import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import App from "../src/App.svelte";
import { Fake, about } from "./fake";
import { rows } from "./rows";
import { button, numbers, selected, watching } from "./watching";

const field = () => screen.getByLabelText<HTMLInputElement>("Search");
const type = (text: string) => fireEvent.input(field(), { target: { value: text } });
const press = (key: string, target: Element = document.body) => fireEvent.keyDown(target, { key });

describe("the search", () => {
  it("lists what passes as one types, and all again by Escape", async () => {
    const fake = new Fake();
    await watching(fake, 200);
    await press("/");
    expect(document.activeElement).toBe(field());
    await type("number 7");
    const found = [7, ...Array.from({ length: 10 }, (_, at) => 70 + at)];
    await waitFor(() => expect(numbers()).toEqual(found));
    expect(document.querySelector("#found")?.textContent).toContain("11 matches");
    fake.arrive({ data: "number 7 again" }, { data: "another" });
    await waitFor(() => expect(numbers()).toEqual([...found, 201]));
    await press("Escape", field());
    await waitFor(() => expect(numbers().at(-1)).toBe(202));
    expect(document.querySelector("#found")).toBeNull();
    await press("Escape", field());
    expect(document.activeElement).toBe(screen.getByRole("grid"));
  });

  it("sends one change a frame, of which the newest counts", async () => {
    const fake = new Fake();
    await watching(fake, 200);
    for (const text of ["n", "nu", "num", "number 19"]) void type(text); // within one frame
    await waitFor(() => expect(numbers()[0]).toBe(19));
    expect(fake.count("filter")).toBe(1);
    expect(fake.calls).toContainEqual(["filter", { text: "number 19" }]);
  });

  it("says what is wrong under the field, and lists all", async () => {
    const fake = new Fake();
    await watching(fake, 50);
    await type("/(/");
    const refusal = await screen.findByRole("alert");
    expect(refusal.textContent).toContain("“(” is not a regular expression: unclosed group.");
    expect(field().getAttribute("aria-describedby")).toBe(refusal.id);
    expect(numbers().at(-1)).toBe(50);
    await type("number 5");
    await waitFor(() => expect(numbers()).toEqual([5, 50]));
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("comes back to where one looked", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    const scroller = document.querySelector(".scroller") as HTMLElement;
    scroller.scrollTop = 2600;
    await fireEvent.scroll(scroller);
    await waitFor(() => expect(numbers()).toContain(101));
    await type("number 99");
    await waitFor(() => expect(numbers()).toEqual([99, ...Array.from({ length: 10 }, (_, at) => 990 + at)]));
    await type("");
    await waitFor(() => expect(numbers()).toContain(101));
    await waitFor(() => expect(scroller.scrollTop).toBe(2600));
  });

  it("leaves what was selected in it in its context", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    await type("number 50");
    await waitFor(() => expect(numbers()).toContain(505));
    const grid = screen.getByRole("grid");
    await press("Home", grid);
    await waitFor(() => expect(selected()).toBe("row-50"));
    await press("ArrowDown", grid);
    await waitFor(() => expect(selected()).toBe("row-500"));
    await type("");
    await waitFor(() => expect(numbers()).toContain(499));
    expect(selected()).toBe("row-500");
  });

  it("says where nothing passes", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await type("nowhere");
    await screen.findByText("Nothing passes the search.");
    screen.getByText("A word is looked for in the data alone: type:nowhere finds events of that type.");
  });

  it("says where only what came since the pause passes", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await fireEvent.click(button("Pause"));
    await type("late");
    await screen.findByText("Nothing passes the search.");
    fake.arrive({ data: "late" });
    await screen.findByText("Nothing that came before the pause passes the search.");
  });

  it("lists all rows while the text is no search, rather than what passed a part of it", async () => {
    const fake = new Fake();
    await watching(fake, 1000);
    const scroller = document.querySelector(".scroller") as HTMLElement;
    scroller.scrollTop = 2600;
    await fireEvent.scroll(scroller);
    await waitFor(() => expect(numbers()).toContain(101));
    for (const half of ["nowhere", "number 99"]) {
      await type(half);
      await waitFor(() => expect(numbers()).not.toContain(101));
      await type("/(/");
      await waitFor(() => expect(numbers()).toContain(101));
      await screen.findByRole("alert");
      expect(document.querySelector("#found")).toBeNull();
      expect(screen.queryByText(/^Nothing passes/)).toBeNull();
    }
    // Nor is it asked for again with each letter.
    const asked = () => fake.calls.filter(([call, args]) => call === "filter" && (args as { text: string }).text === "");
    await type("/(/ ");
    await waitFor(() => expect(fake.calls).toContainEqual(["filter", { text: "/(/ " }]));
    await type("number 99");
    await waitFor(() => expect(numbers()[0]).toBe(99));
    expect(asked()).toHaveLength(2);
  });
});

describe("the help on searches", () => {
  it("is told by a key or its button, and closed by Escape", async () => {
    const fake = new Fake();
    await watching(fake, 1);
    const told = () => document.querySelector("#search-help")?.textContent;
    await press("?");
    expect(told()).toContain("-type:price");
    await press("Escape");
    expect(told()).toBeUndefined();
    const help = button("How to search");
    await fireEvent.click(help);
    expect([told() !== undefined, help.getAttribute("aria-expanded")]).toEqual([true, "true"]);
    await press("Escape", help);
    expect(told()).toBeUndefined();
    // Typed into the field it is a part of the search.
    await press("?", field());
    expect(told()).toBeUndefined();
    expect(field().title).toBe("Press ? in the list for all forms");
  });
});

describe("the pause", () => {
  it("stands still, counts what comes, and shows it all when it goes on", async () => {
    const fake = new Fake();
    await watching(fake, 100);
    await press(" ");
    fake.arrive(...Array.from({ length: 30 }, () => ({})));
    await waitFor(() => expect(button(/Paused/).textContent).toMatch(/Paused: 30\s+came since/));
    expect(numbers().at(-1)).toBe(100);
    expect(button("Resume").getAttribute("aria-pressed")).toBe("true");
    await press("End", screen.getByRole("grid"));
    expect(numbers().at(-1)).toBe(100);
    await press(" ");
    await waitFor(() => expect(numbers().at(-1)).toBe(130));
    await waitFor(() => expect(screen.getByRole("grid").getAttribute("aria-rowcount")).toBe("131"));
    await press("Home", screen.getByRole("grid"));
    for (let down = 0; down < 5; down += 1) await press("PageDown", screen.getByRole("grid"));
    await waitFor(() => expect(numbers()).toContain(101));
  });

  it("does not move once more for a page that was on its way", async () => {
    const fake = new Fake();
    await watching(fake, 100);
    let come = () => {};
    fake.late = new Promise((resolve) => (come = resolve));
    const pages = fake.count("page");
    fake.arrive({}, {});
    await waitFor(() => expect(fake.count("page")).toBe(pages + 1));
    await press(" ");
    const seen: (number | undefined)[] = [];
    const watch = new MutationObserver(() => seen.push(numbers().at(-1)));
    watch.observe(screen.getByRole("grid"), { subtree: true, attributes: true, childList: true });
    come();
    await waitFor(() => expect(button(/Paused/).textContent).toMatch(/Paused: 2\s+came since/));
    watch.disconnect();
    expect(seen.filter((number) => number !== 100)).toEqual([]);
    expect(numbers().at(-1)).toBe(100);
  });

  it("is not begun by a space that is typed", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await press(" ", field());
    expect(button("Pause").getAttribute("aria-pressed")).toBe("false");
  });
});

describe("the statistics", () => {
  it("say so where they are of the last connection alone", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await fireEvent.click(button("Statistics"));
    const heading = () => document.querySelector("#report h1")?.textContent;
    await waitFor(() => expect(heading()).toBe("Statistics"));
    fake.watchedOn = true;
    fake.touch();
    await waitFor(() => expect(heading()).toBe("Statisticssince the last Connect"));
  });

  it("are asked for once, and shown, however much arrives before the answer", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    let come = () => {};
    fake.lateReport = new Promise((resolve) => (come = resolve));
    await fireEvent.click(button("Statistics"));
    // Each of these comes with a head.
    for (const events of ["11 events", "12 events", "13 events"]) {
      fake.arrive({});
      await waitFor(() => expect(document.querySelector("footer")?.textContent).toContain(events));
    }
    expect(fake.count("report")).toBe(1);
    come();
    await waitFor(() => expect(document.querySelector("#report-events")?.textContent).toBe("12"));
  });

  it("make no times up where what was imported has none", async () => {
    const fake = new Fake();
    fake.told = { untimed: true };
    await watching(fake, 10);
    await fireEvent.click(button("Statistics"));
    const pane = await screen.findByRole("region", { name: "Statistics" });
    await waitFor(() => expect(pane.textContent).toContain("Timesnot known"));
    expect(pane.textContent).not.toMatch(/Rate|Gaps|Stalls/);
  });

  it("tell of no average above the busiest second", async () => {
    const fake = new Fake();
    fake.told = { rate: 1.1, peakRate: 1 };
    await watching(fake, 10);
    await fireEvent.click(button("Statistics"));
    await screen.findByText("1.0/s on average, 1 in the busiest second");
  });

  it("of a recording say what cannot be known of it", async () => {
    const fake = new Fake();
    fake.about = { ...about, url: "", importedFrom: "feed.txt", untimed: true };
    fake.told = { numbering: "too_few", missed: null, skipped: 0 };
    fake.given = "/tmp/feed.ssrec";
    fake.arrive({ kind: "connected", status: 200, data: "what was imported begins" }, {});
    render(App);
    await waitFor(() => expect(rows()).toHaveLength(2));
    await fireEvent.click(button("Statistics"));
    const pane = await screen.findByRole("region", { name: "Statistics" });
    await waitFor(() => expect(pane.textContent).toContain("not known: too few events"));
    expect(pane.textContent).not.toContain("so far");
    const cells = () => [...document.querySelectorAll("#attempts tbody td")].map((cell) => cell.textContent?.trim());
    expect(cells()[1]).toBe("–");
    // Nobody knows what its server answered.
    await fireEvent.click(rows()[0] as HTMLElement);
    const row = await screen.findByRole("region", { name: "Selected row" });
    await waitFor(() => expect(row.textContent).toContain("what was imported begins"));
    expect(row.textContent).not.toContain("200");
  });

  it("of a damaged recording blame no server for what cannot be read", async () => {
    const fake = new Fake();
    fake.about = { ...about, damage: ["000001.sse is damaged"], isLoss: true };
    fake.given = "/tmp/feed.ssrec";
    fake.arrive({}, {});
    render(App);
    await waitFor(() => expect(rows()).toHaveLength(2));
    await fireEvent.click(button("Statistics"));
    await screen.findByText("not known: IDs leave out 3, and part of the recording cannot be read");
    const cells = [...document.querySelectorAll("#attempts tbody td")].map((cell) => cell.textContent?.trim());
    expect(cells.at(-1)).toBe("–");
  });

  it("are told plainly, and lead to the row that ended a stall", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await fireEvent.click(button("Statistics"));
    const pane = await screen.findByRole("region", { name: "Statistics" });
    await waitFor(() => expect(pane.textContent).toContain("12.3 ms"));
    const cells = [...document.querySelectorAll("#attempts tbody td")].map((cell) => cell.textContent?.trim());
    expect(cells).toEqual(["e-7", "200", "1.50 ms", "–", "12", "1", "3"]);
    await fireEvent.click(button(/4.30 s before row 2/));
    await waitFor(() => expect(selected()).toBe("row-2"));
    expect(screen.queryByRole("region", { name: "Statistics" })).not.toBeNull();
    await fireEvent.click(rows()[0] as HTMLElement);
    await screen.findByRole("region", { name: "Selected row" });
  });

  it("say why it is another row that a stall leads to", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    const notice = () => document.querySelector("#notice span")?.textContent;
    const lead = async () => fireEvent.click(await screen.findByRole("button", { name: /4.30 s before row 2/ }));
    await fireEvent.click(button("Statistics"));
    const search = screen.getByLabelText("Search");
    await fireEvent.input(search, { target: { value: "number 5" } });
    await waitFor(() => expect(rows()).toHaveLength(1));
    await lead();
    await waitFor(() => expect(selected()).toBe("row-5"));
    expect(notice()).toBe("Row 2 does not pass the search. This is the nearest that does.");
    await fireEvent.input(search, { target: { value: "nothing" } });
    await waitFor(() => expect(rows()).toHaveLength(0));
    await lead();
    await waitFor(() => expect(notice()).toBe("Row 2 does not pass the search."));
    await fireEvent.input(search, { target: { value: "" } });
    await waitFor(() => expect(rows()).not.toHaveLength(0));
    // It was told of another list.
    await lead();
    await waitFor(() => expect(selected()).toBe("row-2"));
    expect(notice()).toBeUndefined();
    fake.forget(4);
    await waitFor(() => expect(rows()).toHaveLength(7));
    await lead();
    await waitFor(() => expect(notice()).toBe("Row 2 is no longer kept. This is the nearest that is."));
    expect(selected()).toBe("row-4");
  });

  it("say of a row that came after the pause that it is not listed yet", async () => {
    const fake = new Fake();
    await watching(fake, 1);
    await fireEvent.click(button("Pause"));
    fake.arrive({});
    await fireEvent.click(button("Statistics"));
    await fireEvent.click(await screen.findByRole("button", { name: /4.30 s before row 2/ }));
    await screen.findByText("Row 2 came after the pause. This is the nearest that is listed.");
    expect(selected()).toBe("row-1");
  });
});
