import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import App from "../src/App.svelte";
import { Fake, about } from "./fake";
import { rows } from "./rows";
import { button, watching } from "./watching";

describe("a recording", () => {
  it("is made to a file, with its size, until it is stopped", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await fireEvent.click(button("Record"));
    expect(document.querySelector("#path-note")?.textContent).toContain("with the 10 rows that are kept");
    const path = screen.getByLabelText<HTMLInputElement>("Record to");
    await fireEvent.input(path, { target: { value: "/tmp/feed.ssrec" } });
    await fireEvent.submit(path.form as HTMLFormElement);
    const stop = await screen.findByRole("button", { name: /Stop/ });
    expect(stop.textContent).toContain("512 bytes");
    expect(screen.queryByLabelText("Record to")).toBeNull();
    await fireEvent.click(stop);
    await screen.findByText("Recorded 10 events in /tmp/feed.ssrec (1.21 KiB).");
    await screen.findByRole("button", { name: "Record" });
  });

  it("takes a path that is typed or pasted in place of the suggested name as it is", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    await fireEvent.click(button("Record"));
    const path = screen.getByLabelText<HTMLInputElement>("Record to");
    const typed = async (name: string) => {
      path.value = "~/127.ssrec";
      path.setSelectionRange(2, 5);
      path.setRangeText(name);
      await fireEvent.input(path);
      return path.value;
    };
    expect(await typed("feed")).toBe("~/feed.ssrec");
    expect(await typed("/")).toBe("/");
    expect(await typed("/tmp/feed.ssrec")).toBe("/tmp/feed.ssrec");
    expect(await typed("~/feed.ssrec")).toBe("~/feed.ssrec");
    expect(await typed("C:\\feed.ssrec")).toBe("C:\\feed.ssrec");
  });

  it("that stopped by itself is told of, as long as it is not stopped", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    fake.saving = "/tmp/feed.ssrec";
    fake.stopped = "recording stopped: the disk is full";
    fake.touch();
    expect((await screen.findByRole("alert")).textContent).toBe("recording stopped: the disk is full.");
    await fireEvent.click(button(/Stop/));
    await screen.findByText(/^Recorded 10 events/);
    await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
  });

  it("is tried again or given up where its file cannot be written", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    fake.saving = "/full/feed.ssrec";
    fake.touch();
    await fireEvent.click(await screen.findByRole("button", { name: /Stop/ }));
    const refused = await screen.findByRole("alert");
    expect(refused.textContent).toContain("no room. Stop tries again.");
    await fireEvent.click(button("Give it up"));
    await screen.findByRole("button", { name: "Record" });
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("is saved elsewhere where its file cannot be written", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    fake.saving = "/full/feed.ssrec";
    fake.touch();
    await fireEvent.click(await screen.findByRole("button", { name: /Stop/ }));
    await fireEvent.click(await screen.findByRole("button", { name: "Save elsewhere…" }));
    const path = screen.getByLabelText<HTMLInputElement>("Save to");
    await fireEvent.input(path, { target: { value: "/full/other" } });
    await fireEvent.submit(path.form as HTMLFormElement);
    await waitFor(() => expect(document.querySelector("#path-refusal")?.textContent).toContain("cannot be written"));
    await fireEvent.input(path, { target: { value: "/tmp/other.ssrec" } });
    await fireEvent.submit(path.form as HTMLFormElement);
    await screen.findByText("Recorded 10 events in /tmp/other.ssrec (1.21 KiB).");
    await waitFor(() => expect(screen.queryByLabelText("Save to")).toBeNull());
    await screen.findByRole("button", { name: "Record" });
  });

  it("that ends with its window is told of, and why the window stays where it cannot be written", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    const notice = () => document.querySelector("#notice")?.textContent;
    fake.saving = "/full/feed.ssrec";
    fake.ending = "writing";
    fake.touch();
    await waitFor(() => expect(notice()).toContain("closes as soon as /full/feed.ssrec is written."));
    expect(screen.queryByRole("alert")).toBeNull();
    fake.ending = { failed: "no room" };
    fake.touch();
    expect((await screen.findByRole("alert")).textContent).toContain("no room. So the window stays open.");
    await fireEvent.click(button("Dismiss"));
    // What tells of the recording follows the rows and their count: the second count is drawn after it.
    for (const count of ["11 events", "12 events"]) {
      fake.arrive({});
      await waitFor(() => expect(document.querySelector("footer")?.textContent).toContain(count));
    }
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("of a window that was killed is told of, though a stream is connected to", async () => {
    const fake = new Fake();
    fake.recovered.saved.push({ path: "/tmp/feed.ssrec", events: 2500, rows: 2502, missing: 0, left: 0, bytes: 4200 });
    await watching(fake, 1);
    const told =
      "An earlier window did not end well. What it recorded is saved: 2,500 events in /tmp/feed.ssrec (4.10 KiB).";
    await waitFor(() => expect(document.querySelector("#notice")?.textContent).toContain(told));
    expect(screen.queryByRole("alert")).toBeNull();
    await fireEvent.click(button("Open it"));
    expect(fake.calls).toContainEqual(["open", { path: "/tmp/feed.ssrec" }]);
  });

  it("of a window that was killed that is not saved is told as bad news, whatever else is", async () => {
    const fake = new Fake();
    fake.recovered.saved.push({ path: "/tmp/feed.ssrec", events: 2, rows: 2, missing: 0, left: 0, bytes: 42 });
    fake.given = "/tmp/other.ssrec";
    fake.recovered.troubles.push("What another had recorded stays in /tmp/sessions/7.");
    render(App);
    // Nor is it lost why what the command line asks for is not shown.
    const told = /^\/tmp\/other\.ssrec is not a .*program\. .* 2 events in \/tmp\/feed\.ssrec.*stays in/;
    await waitFor(() => expect(screen.getByRole("alert").textContent).toMatch(told));
  });

  it("is counted without the rows that cannot be read, in the totals as in the statistics", async () => {
    const fake = new Fake();
    fake.given = "/tmp/feed.ssrec";
    fake.about = { ...about, isLoss: true, damage: ["000001.sse is damaged"] };
    fake.arrive({}, {}, { kind: "comment" }, { kind: "comment" });
    fake.told = { events: 1, dataBytes: 14, comments: 1, decodeErrors: 0, damaged: 2 };
    render(App);
    const totals = () => document.querySelector("footer")?.textContent;
    await waitFor(() => expect(totals()).toMatch(/^1 event\s+14 bytes of data\s+1 comment\s+2 rows damaged/));
    await fireEvent.click(button("Statistics"));
    await waitFor(() => expect(document.querySelector("#report-events")?.textContent).toBe("1"));
    expect(document.querySelector("#report")?.textContent).toContain("2 rows, not counted as what they were");
    // Of what is watched after it nothing is known to be damaged.
    fake.about = null;
    const url = screen.getByLabelText<HTMLInputElement>("URL of the event stream");
    await fireEvent.input(url, { target: { value: "http://127.0.0.1:8080/events" } });
    await fireEvent.submit(url.form as HTMLFormElement);
    await waitFor(() => expect(totals()).toMatch(/^2 events/));
    expect(totals()).not.toContain("damaged");
  });

  it("says that nobody knows how many rows cannot be read where the index is damaged too", async () => {
    const fake = new Fake();
    fake.given = "/tmp/feed.ssrec";
    fake.about = { ...about, isLoss: true, countsLostRows: false };
    fake.arrive({});
    fake.told = { events: 1, damaged: 0 };
    render(App);
    await waitFor(() => expect(document.querySelector("footer")?.textContent).toContain("some rows damaged"));
    await fireEvent.click(await screen.findByRole("button", { name: "Statistics" }));
    const told = "not known how many rows: what tells their numbers is damaged too";
    await waitFor(() => expect(document.querySelector("#report")?.textContent).toContain(told));
  });

  it("says that it goes on, and folds what is damaged in many places", async () => {
    const fake = new Fake();
    const damage = [1, 2, 3, 4].map((n) => `00000${n}.sse is damaged`);
    fake.about = { ...about, isLive: true, damage };
    render(App);
    await fireEvent.click(button("Open a recording"));
    const path = screen.getByLabelText<HTMLInputElement>("Recording");
    await fireEvent.input(path, { target: { value: "/tmp/feed.ssrec" } });
    fake.arrive({}, {});
    await fireEvent.submit(path.form as HTMLFormElement);
    const region = await screen.findByRole("region", { name: "Recording" });
    expect(region.textContent).toContain("It is still being recorded");
    expect(screen.getByText("Damaged in 4 places").closest("details")?.open).toBe(false);
    expect(screen.queryByText("000001.sse is damaged")).not.toBeNull();
  });

  it("is opened with what was masked in it, and refused in words", async () => {
    const fake = new Fake();
    render(App);
    await fireEvent.click(button("Open a recording"));
    const path = screen.getByLabelText<HTMLInputElement>("Recording");
    await fireEvent.input(path, { target: { value: "/tmp/notes.txt" } });
    await fireEvent.submit(path.form as HTMLFormElement);
    expect((await screen.findByRole("alert")).textContent).toBe(
      "/tmp/notes.txt is not a recording of this program.",
    );
    const redacted = ["query token", "<b>header</b> authorization"];
    fake.about = { ...about, redacted, damage: ["000001.sse was not closed"] };
    fake.arrive({}, {});
    await fireEvent.submit(path.form as HTMLFormElement);
    await waitFor(() => expect(rows()).toHaveLength(2));
    expect(document.querySelector("#recording")?.textContent).toContain("feed.ssrec");
    expect(document.querySelector("#redactions")?.textContent).toContain("2 secrets masked");
    expect(document.querySelector("#redactions b")).toBeNull();
    expect(screen.getByRole("alert").textContent).toContain("not closed");
    expect(screen.queryByRole("button", { name: "Pause" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Clear" })).toBeNull();
  });
});

describe("what would let go of a recording", () => {
  it("is refused in one place, however much of it is tried", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    fake.saving = "/tmp/feed.ssrec";
    fake.touch();
    await screen.findByRole("button", { name: /Stop/ });
    const url = screen.getByLabelText<HTMLInputElement>("URL of the event stream");
    const refused = async (place: string) => {
      await waitFor(() => expect(document.querySelector(place)?.textContent).toContain("a recording is under way"));
      const all = [...document.querySelectorAll("[role=alert]")].map((alert) => `#${alert.id}`);
      expect(all).toEqual([place]);
    };
    for (let times = 0; times < 2; times += 1) {
      await fireEvent.click(button("Clear"));
      await refused("#notice");
      await fireEvent.input(url, { target: { value: `http://127.0.0.1:9/${times}` } });
      await fireEvent.submit(url.form as HTMLFormElement);
      await refused("#refusal");
      await fireEvent.keyDown(document.body, { key: "o", ctrlKey: true });
      await fireEvent.submit(screen.getByLabelText<HTMLInputElement>("Recording").form as HTMLFormElement);
      await refused("#path-refusal");
    }
  });
});

describe("a recording that is stopped", () => {
  /** One that is in its file, of which the window has not heard yet. Gives what lets it hear of it. */
  async function stopped(fake: Fake): Promise<() => void> {
    await watching(fake, 10);
    fake.saving = "/tmp/feed.ssrec";
    fake.touch();
    const stop = await screen.findByRole("button", { name: /Stop/ });
    let go = () => {};
    fake.late = new Promise((resolve) => (go = resolve));
    await fireEvent.click(stop);
    await screen.findByText(/^Recorded 10 events/);
    return go;
  }

  it("is not stopped once more before its button is gone", async () => {
    const fake = new Fake();
    const go = await stopped(fake);
    await fireEvent.click(document.querySelector("#stop") as HTMLElement);
    expect(fake.count("finish")).toBe(1);
    expect(document.querySelector("#notice")?.textContent).toContain("Recorded 10 events");
    expect(screen.queryByRole("alert")).toBeNull();
    go();
    await screen.findByRole("button", { name: "Record" });
    // One that is recorded to the same file can be stopped as well.
    fake.saving = "/tmp/feed.ssrec";
    fake.touch();
    await fireEvent.click(await screen.findByRole("button", { name: /Stop/ }));
    expect(fake.count("finish")).toBe(2);
  });

  it("is told of where it is read out, as it is written and once it is", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    fake.saving = "/tmp/feed.ssrec";
    fake.touch();
    let go = () => {};
    fake.lateFile = new Promise((resolve) => (go = resolve));
    const standing = screen.getAllByRole("status");
    await fireEvent.click(await screen.findByRole("button", { name: /Stop/ }));
    const place = screen.getByText("Writing the recording…").closest("[role=status]");
    expect(standing).toContain(place);
    go();
    const told = await screen.findByText(/^Recorded 10 events/);
    expect(told.closest("[role=status]")).toBe(place);
    expect(screen.queryByText("Writing the recording…")).toBeNull();
  });

  it("is not begun anew by the second click of two, nor by a key that is held", async () => {
    const fake = new Fake();
    (await stopped(fake))();
    const record = await screen.findByRole("button", { name: "Record" });
    await fireEvent.click(record, { detail: 2 });
    expect(screen.queryByLabelText("Record to")).toBeNull();
    expect(await fireEvent.keyDown(record, { key: "Enter", repeat: true })).toBe(false);
    expect(await fireEvent.keyDown(record, { key: "Enter" })).toBe(true);
    fake.saving = "/tmp/feed.ssrec";
    fake.touch();
    const stop = await screen.findByRole("button", { name: /Stop/ });
    expect(await fireEvent.keyDown(stop, { key: "Enter", repeat: true })).toBe(false);
    await fireEvent.click(stop, { detail: 2 });
    expect(fake.count("finish")).toBe(1);
  });

  it("is not stopped once it is given up", async () => {
    const fake = new Fake();
    await watching(fake, 10);
    fake.saving = "/full/feed.ssrec";
    fake.touch();
    const stop = await screen.findByRole("button", { name: /Stop/ });
    await fireEvent.click(stop);
    await screen.findByRole("alert");
    let go = () => {};
    fake.late = new Promise((resolve) => (go = resolve));
    await fireEvent.click(button("Give it up"));
    await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
    await fireEvent.click(stop);
    expect(fake.count("finish")).toBe(1);
    go();
    await screen.findByRole("button", { name: "Record" });
  });
});

describe("a recording that could not be written", () => {
  /** One for which another path is being asked. Gives the field. */
  async function elsewhere(fake: Fake): Promise<HTMLInputElement> {
    await watching(fake, 10);
    fake.saving = "/full/feed.ssrec";
    fake.touch();
    await fireEvent.click(await screen.findByRole("button", { name: /Stop/ }));
    await fireEvent.click(await screen.findByRole("button", { name: "Save elsewhere…" }));
    return screen.getByLabelText<HTMLInputElement>("Save to");
  }

  it("is no longer asked a path for once Stop tries again, or it is given up", async () => {
    const fake = new Fake();
    await elsewhere(fake);
    let go = () => {};
    fake.lateFile = new Promise((resolve) => (go = resolve));
    await fireEvent.click(button(/Stop/));
    expect(screen.queryByLabelText("Save to")).toBeNull();
    go();
    await fireEvent.click(await screen.findByRole("button", { name: "Save elsewhere…" }));
    screen.getByLabelText("Save to");
    await fireEvent.click(button("Give it up"));
    await screen.findByRole("button", { name: "Record" });
    expect(screen.queryByLabelText("Save to")).toBeNull();
  });

  it("is not written elsewhere while it is written as its window closes", async () => {
    const fake = new Fake();
    const field = await elsewhere(fake);
    fake.ending = "writing";
    fake.touch();
    await screen.findByText(/^The window closes as soon as/);
    await fireEvent.input(field, { target: { value: "/tmp/other.ssrec" } });
    await fireEvent.submit(field.form as HTMLFormElement);
    await screen.findByText("the recording is being written already.");
    expect(fake.count("finish_elsewhere")).toBe(0);
  });
});

describe("a recording that takes long to write", () => {
  /** One that is being saved elsewhere. Gives the field and what lets it be written. */
  async function saving(fake: Fake, path: string): Promise<{ field: HTMLInputElement; go: () => void }> {
    await watching(fake, 10);
    fake.saving = "/full/feed.ssrec";
    fake.touch();
    await fireEvent.click(await screen.findByRole("button", { name: /Stop/ }));
    await fireEvent.click(await screen.findByRole("button", { name: "Save elsewhere…" }));
    let go = () => {};
    fake.lateFile = new Promise((resolve) => (go = resolve));
    const field = screen.getByLabelText<HTMLInputElement>("Save to");
    await fireEvent.input(field, { target: { value: path } });
    await fireEvent.submit(field.form as HTMLFormElement);
    return { field, go };
  }

  const notice = () => document.querySelector("#notice")?.textContent ?? "";
  const isSaved = (path: string) => waitFor(() => expect(notice()).toContain(`Recorded 10 events in ${path}`));

  it("is written once, and says meanwhile that it is", async () => {
    const fake = new Fake();
    const { field, go } = await saving(fake, "/tmp/other.ssrec");
    await screen.findByText(/^Writing the file…/);
    expect(button("Save")).toHaveProperty("disabled", true);
    await fireEvent.submit(field.form as HTMLFormElement);
    expect(fake.count("finish_elsewhere")).toBe(1);
    // Nor is it stopped once more, or given up.
    await fireEvent.click(button(/Writing/));
    expect(fake.count("finish")).toBe(1);
    expect(screen.queryByRole("button", { name: "Give it up" })).toBeNull();
    go();
    await isSaved("/tmp/other.ssrec");
    await waitFor(() => expect(screen.queryByLabelText("Save to")).toBeNull());
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("is told of where that fails once its field is closed", async () => {
    const fake = new Fake();
    const { field, go } = await saving(fake, "/full/other");
    await fireEvent.keyDown(field, { key: "Escape" });
    expect(screen.queryByLabelText("Save to")).toBeNull();
    expect(notice()).toContain("Writing the recording.");
    go();
    const refused = await screen.findByRole("alert");
    expect(refused.textContent).toContain("/full/other.ssrec cannot be written. Stop tries again.");
    button("Give it up");
    await fireEvent.click(button("Save elsewhere…"));
    screen.getByLabelText("Save to");
  });

  it("leaves a field alone that was opened meanwhile", async () => {
    const fake = new Fake();
    const { go } = await saving(fake, "/tmp/other.ssrec");
    await fireEvent.keyDown(document.body, { key: "o", ctrlKey: true });
    const open = screen.getByLabelText<HTMLInputElement>("Recording");
    await fireEvent.input(open, { target: { value: "/tmp/feed" } });
    go();
    await isSaved("/tmp/other.ssrec");
    expect(screen.getByLabelText("Recording")).toBe(open);
    expect(open.value).toBe("/tmp/feed");
  });
});
