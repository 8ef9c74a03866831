import { fireEvent, screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Fake, about } from "./fake";
import { button, connected, grid } from "./watching";

const url = () => screen.getByLabelText<HTMLInputElement>("URL of the event stream");
const question = () => screen.queryByRole("alertdialog");
const asked = async () => (await screen.findByRole("alertdialog")).querySelector("p")?.textContent;
const OTHER = "http://127.0.0.1:2/events";

/** Watches a stream from which so many rows came. */
async function many(fake: Fake, count = 1200): Promise<void> {
  await connected(fake);
  fake.arrive(...Array.from({ length: count }, () => ({})));
  await waitFor(() => expect(document.querySelector("#kept")?.textContent).toContain(`${count.toLocaleString("en-US")} rows`));
}

async function connectTo(wanted: string): Promise<void> {
  url().focus();
  await fireEvent.input(url(), { target: { value: wanted } });
  await fireEvent.submit(url().form as HTMLFormElement);
}

async function give(label: string, path: string): Promise<HTMLInputElement> {
  const field = await screen.findByLabelText<HTMLInputElement>(label);
  await fireEvent.input(field, { target: { value: path } });
  await fireEvent.submit(field.form as HTMLFormElement);
  return field;
}

const open = async (path: string) => {
  await fireEvent.keyDown(document.body, { key: "o", ctrlKey: true });
  return give("Recording", path);
};

describe("another stream in place of many rows that are in no file", () => {
  it("is asked about, and Escape stays with the rows", async () => {
    const fake = new Fake();
    await many(fake);
    await connectTo(OTHER);
    expect(await asked()).toBe("Connecting lets go of 1,200 rows that are in no file: they do not come back.");
    // What the keys do first loses nothing, and one that is held does not answer.
    expect(document.activeElement).toBe(button("Save…"));
    expect(await fireEvent.keyDown(button("Save…"), { key: "Enter", repeat: true })).toBe(false);
    await fireEvent.keyDown(button("Save…"), { key: "Escape" });
    expect(question()).toBeNull();
    expect(document.activeElement).toBe(url());
    await connectTo(OTHER);
    await asked();
    await fireEvent.click(button("Cancel"));
    expect(question()).toBeNull();
    // Nor is it asked about a URL that no longer stands in the bar.
    for (const leave of [() => fireEvent.keyDown(url(), { key: "Escape" }), () => fireEvent.input(url())]) {
      await connectTo(OTHER);
      await asked();
      await leave();
      expect(question()).toBeNull();
    }
    expect([fake.count("connect"), fake.count("disconnect")]).toEqual([1, 0]);
  });

  it("is connected to once they are discarded, by one click", async () => {
    const fake = new Fake();
    await many(fake);
    await connectTo(OTHER);
    await asked();
    await fireEvent.click(button("Discard"), { detail: 2 });
    expect(fake.count("connect")).toBe(1);
    await fireEvent.click(button("Discard"), { detail: 1 });
    await waitFor(() => expect(fake.calls).toContainEqual(["connect", { url: OTHER }]));
    expect(question()).toBeNull();
    await waitFor(() => expect(document.activeElement).toBe(grid()));
    expect(fake.count("record")).toBe(0);
  });

  it("is connected to once they are saved", async () => {
    const fake = new Fake();
    await many(fake);
    await connectTo(OTHER);
    await asked();
    await fireEvent.click(button("Save…"));
    expect(question()).toBeNull();
    // Leaving the field leads back to the question.
    await fireEvent.keyDown(screen.getByLabelText("Save to"), { key: "Escape" });
    await asked();
    await fireEvent.click(button("Save…"));
    await give("Save to", "/tmp/feed.ssrec");
    await waitFor(() => expect(fake.calls).toContainEqual(["connect", { url: OTHER }]));
    const order = fake.calls.map(([called]) => called).filter((called) => /record$|disconnect|finish|^connect/.test(called));
    expect(order).toEqual(["connect", "record", "disconnect", "finish", "connect"]);
    await screen.findByText(/^Recorded 1,200 events in \/tmp\/feed.ssrec/);
    await waitFor(() => expect(screen.queryByLabelText("Save to")).toBeNull());
    expect(question()).toBeNull();
  });

  it("is not connected to where they cannot be saved, and another path can be given", async () => {
    const fake = new Fake();
    await many(fake);
    await connectTo(OTHER);
    await asked();
    await fireEvent.click(button("Save…"));
    await give("Save to", "/full/feed.ssrec");
    await waitFor(() => expect(document.querySelector("#path-refusal")?.textContent).toContain("no room"));
    expect([fake.count("connect"), fake.count("discard"), fake.count("disconnect")]).toEqual([1, 1, 1]);
    await give("Save to", "/tmp/feed.ssrec");
    await waitFor(() => expect(fake.count("connect")).toBe(2));
  });

  it("is not connected to where the field is closed while they are written", async () => {
    const fake = new Fake();
    await many(fake);
    await connectTo(OTHER);
    await asked();
    await fireEvent.click(button("Save…"));
    let go = () => {};
    fake.lateFile = new Promise((resolve) => (go = resolve));
    const field = await give("Save to", "/tmp/feed.ssrec");
    await screen.findByText(/^Writing the file…/);
    await fireEvent.keyDown(field, { key: "Escape" });
    expect([question(), screen.queryByLabelText("Save to")]).toEqual([null, null]);
    go();
    await screen.findByText(/^Recorded/);
    expect(fake.count("connect")).toBe(1);
  });

  it("is asked about anew where many more came while they were saved", async () => {
    const fake = new Fake();
    await many(fake);
    await connectTo(OTHER);
    await asked();
    await fireEvent.click(button("Save…"));
    let go = () => {};
    fake.lateFile = new Promise((resolve) => (go = resolve));
    await give("Save to", "/tmp/feed.ssrec");
    await waitFor(() => expect(fake.count("finish")).toBe(1));
    fake.arrive(...Array.from({ length: 1300 }, () => ({})));
    go();
    await screen.findByText(/^Recorded 1,200 events/);
    await waitFor(async () => expect(await asked()).toContain("1,300 rows that are in no file"));
    expect(fake.calls.at(-1)).not.toEqual(["connect", { url: OTHER }]);
    expect([fake.count("connect"), fake.count("disconnect")]).toEqual([1, 1]);
    await waitFor(() => expect(document.activeElement).toBe(button("Save…")));
    await fireEvent.click(button("Discard"));
    await waitFor(() => expect(fake.count("connect")).toBe(2));
  });

  it("is refused before anything is asked", async () => {
    const fake = new Fake();
    await many(fake);
    fake.refusal = "“nonsense” is not a URL";
    await connectTo("nonsense");
    expect((await screen.findByRole("alert")).textContent).toContain("is not a URL");
    expect(question()).toBeNull();
  });
});

describe("what lets go of nothing", () => {
  it("is not asked about: few rows, rows in a file, and the same stream watched on", async () => {
    const fake = new Fake();
    await many(fake, 999);
    await connectTo(OTHER);
    await waitFor(() => expect(fake.count("connect")).toBe(2));
    fake.arrive(...Array.from({ length: 500 }, () => ({})));
    fake.become({ name: "closed" });
    await waitFor(() => expect(document.querySelector("#state")?.textContent).toContain("Disconnected"));
    await connectTo(OTHER);
    await waitFor(() => expect(fake.count("connect")).toBe(3));
    fake.saving = "/tmp/feed.ssrec";
    fake.touch();
    await fireEvent.click(await screen.findByRole("button", { name: /Stop/ }));
    await screen.findByRole("button", { name: "Record" });
    await connectTo("http://127.0.0.1:3/events");
    await waitFor(() => expect(fake.count("connect")).toBe(4));
    expect(question()).toBeNull();
  });

  it("is cleared by one press, once it is in a file", async () => {
    const fake = new Fake();
    await many(fake);
    fake.unsaved = 1201;
    fake.touch();
    fake.arrive({});
    await waitFor(() => expect(document.querySelector("#kept")?.textContent).toContain("1,201 rows"));
    await fireEvent.click(button("Clear"));
    expect(fake.count("clear")).toBe(1);
  });
});

describe("a recording in place of many rows that are in no file", () => {
  it("is asked about once it is known to be one", async () => {
    const fake = new Fake();
    await many(fake);
    await open("/tmp/notes.txt");
    expect((await screen.findByRole("alert")).textContent).toContain("is not a recording");
    expect(question()).toBeNull();
    fake.about = about;
    await give("Recording", "/tmp/feed.ssrec");
    expect(await asked()).toBe("Opening feed.ssrec lets go of 1,200 rows that are in no file: they do not come back.");
    await waitFor(() => expect(screen.queryByLabelText("Recording")).toBeNull());
    await fireEvent.keyDown(document.body, { key: "Escape" });
    expect(question()).toBeNull();
    expect(fake.count("open")).toBe(0);
    await open("/tmp/feed.ssrec");
    await asked();
    await fireEvent.click(button("Discard"));
    await waitFor(() => expect(fake.calls).toContainEqual(["open", { path: "/tmp/feed.ssrec" }]));
    await waitFor(() => expect(document.querySelector("#recording")).not.toBeNull());
  });
});

describe("a window that is closed over many rows that are in no file", () => {
  it("asks, says that it does, and Escape stays with the rows", async () => {
    const fake = new Fake();
    await many(fake);
    await fake.askToClose();
    expect(await asked()).toBe("Closing lets go of 1,200 rows that are in no file: they do not come back.");
    await waitFor(() => expect(fake.count("asks_to_close")).toBe(1));
    expect(document.activeElement).toBe(button("Save…"));
    await fireEvent.keyDown(button("Save…"), { key: "Escape" });
    expect(question()).toBeNull();
    expect(document.activeElement).toBe(grid());
    expect(fake.count("close")).toBe(0);
  });

  it("is closed once they are discarded, and asks again where it is closed once more", async () => {
    const fake = new Fake();
    await many(fake);
    await fake.askToClose();
    await asked();
    // The keys go back to it.
    url().focus();
    await fake.askToClose();
    await waitFor(() => expect(document.activeElement).toBe(button("Save…")));
    expect(fake.count("asks_to_close")).toBe(2);
    await fireEvent.click(button("Discard"));
    await waitFor(() => expect(fake.count("close")).toBe(1));
  });

  it("is closed once they are saved", async () => {
    const fake = new Fake();
    await many(fake);
    await fake.askToClose();
    await asked();
    await fireEvent.click(button("Save…"));
    await give("Save to", "/full/feed.ssrec");
    await waitFor(() => expect(document.querySelector("#path-refusal")?.textContent).toContain("no room"));
    expect(fake.count("close")).toBe(0);
    await give("Save to", "/tmp/feed.ssrec");
    await waitFor(() => expect(fake.count("close")).toBe(1));
  });

  it("asks in place of what else it asks", async () => {
    const fake = new Fake();
    await many(fake);
    await fireEvent.keyDown(document.body, { key: "o", ctrlKey: true });
    await screen.findByLabelText("Recording");
    await fake.askToClose();
    expect(await asked()).toContain("Closing lets go");
    expect(screen.queryByLabelText("Recording")).toBeNull();
    await connectTo(OTHER);
    await waitFor(async () => expect(await asked()).toContain("Connecting lets go"));
    await fake.askToClose();
    await waitFor(async () => expect(await asked()).toContain("Closing lets go"));
    await fireEvent.click(button("Discard"));
    await waitFor(() => expect(fake.count("close")).toBe(1));
    expect(fake.count("connect")).toBe(1);
  });
});
