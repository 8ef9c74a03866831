import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import App from "../src/App.svelte";
import { tell } from "../src/lib/state";
import { nothing } from "../src/lib/wire";
import { Fake } from "./fake";
import { rows } from "./rows";
import { connected, grid, press, selected } from "./watching";

const url = () => screen.getByLabelText<HTMLInputElement>("URL of the event stream");
const stateLine = () => document.querySelector("#state")?.textContent ?? "";

describe("the window before a stream", () => {
  it("says what to do, with the URL bar ready to type in", async () => {
    new Fake();
    render(App);
    expect(screen.getByRole("heading").textContent).toBe("Watch an event stream");
    await waitFor(() => expect(document.activeElement).toBe(url()));
    expect(stateLine()).toContain("Not connected");
  });

  it("connects by Enter", async () => {
    const fake = new Fake();
    render(App);
    await fireEvent.input(url(), { target: { value: " http://127.0.0.1:1/events " } });
    await fireEvent.submit(url().form as HTMLFormElement);
    await waitFor(() =>
      expect(fake.calls).toContainEqual(["connect", { url: "http://127.0.0.1:1/events" }]),
    );
    await waitFor(() => expect(stateLine()).toContain("Connecting"));
    expect(screen.getByRole("button", { name: "Disconnect" })).toBeDefined();
    // What is typed now is for the list.
    await waitFor(() => expect(document.activeElement).toBe(grid()));
  });

  it("shows why a URL is refused, until it is edited", async () => {
    const fake = new Fake();
    fake.refusal = "“nonsense” is not a URL; type one like http://127.0.0.1:8080/events";
    render(App);
    await fireEvent.input(url(), { target: { value: "nonsense" } });
    await fireEvent.submit(url().form as HTMLFormElement);
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("is not a URL"));
    expect(url().getAttribute("aria-invalid")).toBe("true");
    expect(document.activeElement).toBe(url());
    expect(stateLine()).toContain("Not connected");
    await fireEvent.input(url(), { target: { value: "http://" } });
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("connects at once to the URL of the command line", async () => {
    const fake = new Fake();
    await connected(fake);
    expect(url().value).toBe("http://127.0.0.1:8080/events");
  });
});

describe("the URL bar while a stream is watched", () => {
  const button = (name: string) => screen.queryByRole("button", { name });

  it("disconnects, whatever stands in it", async () => {
    const fake = new Fake();
    await connected(fake);
    await waitFor(() => expect(button("Disconnect")).not.toBeNull());
    expect(button("Connect")).toBeNull();
    await fireEvent.input(url(), { target: { value: "http://127.0.0.1:2/events" } });
    expect(button("Connect")).not.toBeNull();
    await fireEvent.click(button("Disconnect") as HTMLElement);
    await waitFor(() => expect(stateLine()).toContain("Disconnected"));
    expect(fake.count("disconnect")).toBe(1);
    await waitFor(() => expect(button("Disconnect")).toBeNull());
    expect(button("Connect")).not.toBeNull();
  });

  it("connects and disconnects once, though one clicks twice or holds Enter", async () => {
    const fake = new Fake();
    render(App);
    await fireEvent.input(url(), { target: { value: "http://127.0.0.1:1/events" } });
    const connect = button("Connect") as HTMLElement;
    await fireEvent.click(connect, { detail: 1 });
    if (connect.isConnected) await fireEvent.click(connect, { detail: 2 });
    await waitFor(() => expect(button("Disconnect")).not.toBeNull());
    // By then it stands where the other did.
    await fireEvent.click(button("Disconnect") as HTMLElement, { detail: 2 });
    expect([fake.count("connect"), fake.count("disconnect")]).toEqual([1, 0]);
    await fireEvent.click(button("Disconnect") as HTMLElement, { detail: 1 });
    await waitFor(() => expect(button("Connect")).not.toBeNull());
    await fireEvent.click(button("Connect") as HTMLElement, { detail: 2 });
    expect([fake.count("connect"), fake.count("disconnect")]).toEqual([1, 1]);
    // What is not prevented sends the form, or presses the button.
    for (const held of [url(), button("Connect") as HTMLElement]) {
      expect(await fireEvent.keyDown(held, { key: "Enter" })).toBe(true);
      expect(await fireEvent.keyDown(held, { key: "Enter", repeat: true })).toBe(false);
    }
  });

  it("refuses another URL beside it, and brings the watched one back by Escape", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.become({ name: "open", attempt: 1 });
    await waitFor(() => expect(stateLine()).toContain("Open"));
    fake.refusal = "“nonsense” is not a URL";
    await fireEvent.input(url(), { target: { value: "nonsense" } });
    await fireEvent.submit(url().form as HTMLFormElement);
    const refusal = await screen.findByRole("alert");
    expect(refusal.textContent).toContain("Cannot connect: “nonsense” is not a URL.");
    expect(url().getAttribute("aria-describedby")).toBe(refusal.id);
    expect(stateLine()).toContain("Open");
    expect(document.querySelector("#state")?.classList).toContain("good");
    await fireEvent.keyDown(url(), { key: "Escape" });
    expect(url().value).toBe("http://127.0.0.1:8080/events");
    expect(screen.queryByRole("alert")).toBeNull();
    // With nothing more to bring back it is left.
    expect(document.activeElement).toBe(url());
    await fireEvent.keyDown(url(), { key: "Escape" });
    expect(document.activeElement).toBe(grid());
  });

  it("keeps the selected row where the same URL is watched on", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({}, {});
    await waitFor(() => expect(rows()).toHaveLength(2));
    await press(rows()[0]);
    fake.become({ name: "closed" });
    await waitFor(() => expect(stateLine()).toContain("Disconnected"));
    await fireEvent.submit(url().form as HTMLFormElement);
    await waitFor(() => expect(fake.watch).toBe(2));
    expect(selected()).toBe("row-1");
    await fireEvent.input(url(), { target: { value: "http://127.0.0.1:2/events" } });
    await fireEvent.submit(url().form as HTMLFormElement);
    await waitFor(() => expect(selected()).toBeUndefined());
  });

  it("connects by Enter to another URL, and leaves the same one alone", async () => {
    const fake = new Fake();
    await connected(fake);
    await waitFor(() => expect(button("Connect")).toBeNull());
    url().focus();
    await fireEvent.submit(url().form as HTMLFormElement);
    expect(fake.count("connect")).toBe(1);
    expect(document.activeElement).toBe(grid());
    await fireEvent.input(url(), { target: { value: "http://127.0.0.1:2/events" } });
    await fireEvent.submit(url().form as HTMLFormElement);
    await waitFor(() => expect(fake.watch).toBe(2));
    expect(fake.calls).toContainEqual(["connect", { url: "http://127.0.0.1:2/events" }]);
    await waitFor(() => expect(button("Connect")).toBeNull());
    expect(button("Disconnect")).not.toBeNull();
  });
});

describe("the state", () => {
  it("says when and why it reconnects", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.become({
      name: "waiting",
      retryAtUnixMicros: (Date.now() + 4000) * 1000,
      failure: { fault: "connect", sentence: "the server refused the connection" },
    });
    await waitFor(() =>
      expect(stateLine()).toMatch(
        /Reconnecting\s+in [34] s\s+because the server refused the connection\./,
      ),
    );
    fake.become({ name: "open", attempt: 2 });
    await waitFor(() => expect(stateLine()).toContain("Open"));
  });

  it("lets a wait be ended that is worth it, by one press", async () => {
    const fake = new Fake();
    await connected(fake);
    const wait = (seconds: number) => {
      const failure = { fault: "connect", sentence: "the server refused the connection" };
      fake.become({ name: "waiting", retryAtUnixMicros: (Date.now() + seconds * 1000) * 1000, failure });
      return waitFor(() => expect(stateLine()).toContain("Reconnecting"));
    };
    const now = () => screen.queryByRole("button", { name: "Reconnect now" });
    await wait(0.5);
    expect(now()).toBeNull();
    fake.become({ name: "open", attempt: 1 });
    await waitFor(() => expect(stateLine()).toContain("Open"));
    await wait(60);
    const pressed = now() as HTMLElement;
    pressed.focus();
    await fireEvent.click(pressed, { detail: 1 });
    await fireEvent.click(pressed, { detail: 2 });
    expect(fake.count("reconnect")).toBe(1);
    await waitFor(() => expect(stateLine()).toContain("Connecting"));
    expect(now()).toBeNull();
    expect(document.activeElement).toBe(grid());
  });

  it("counts down by one timer, however much is told meanwhile", async () => {
    const fake = new Fake();
    await connected(fake);
    const timers = vi.spyOn(globalThis, "setInterval");
    const begun = () => timers.mock.calls.filter(([, every]) => every === 250).length;
    const failure = { fault: "connect", sentence: "the server refused the connection" };
    fake.become({ name: "waiting", retryAtUnixMicros: (Date.now() + 60_000) * 1000, failure });
    await waitFor(() => expect(stateLine()).toContain("Reconnecting"));
    for (const events of ["1 event", "2 events", "3 events"]) {
      fake.arrive({});
      await waitFor(() => expect(document.querySelector("#events")?.textContent).toBe(events));
    }
    expect(begun()).toBe(1);
    // To another time it counts anew, from now.
    fake.become({ name: "waiting", retryAtUnixMicros: (Date.now() + 600_000) * 1000, failure });
    await waitFor(() => expect(stateLine()).toMatch(/in 10 min/));
    expect(begun()).toBe(2);
    timers.mockRestore();
  });

  it("counts a long wait down by the minute, and its last two by the second", () => {
    const failure = { fault: "connect", sentence: "the server refused the connection" };
    const told = (seconds: number) => {
      const retryAtUnixMicros = 1e12 + seconds * 1e6;
      return tell({ ...nothing.snapshot, state: { name: "waiting", retryAtUnixMicros, failure } }, 1e9).countdown;
    };
    const waits = [3000, 2941, 2940, 120, 119.2, 119, 1, 0].map(told);
    expect(waits).toEqual(["in 50 min", "in 50 min", "in 49 min", "in 2 min", "in 2 min", "in 119 s", "in 1 s", "now"]);
  });

  it("tells an end by the server's own word without alarm", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.arrive({ kind: "disconnected", id: "", data: "over", retryInMs: null, fault: "ended" });
    const sentence = "the server answered 204 No Content: the stream is over";
    fake.become({ name: "failed", failure: { fault: "ended", sentence } });
    await waitFor(() => expect(stateLine()).toMatch(/Ended\s+because the server answered 204 No Content: the stream is over\./));
    expect(document.querySelector("#state")?.classList).toContain("quiet");
    expect(screen.queryByRole("alert")).toBeNull();
    await waitFor(() => expect(rows()[0]?.classList).toContain("quiet"));
  });

  it("says why it gave up, and offers to connect again", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.become({
      name: "failed",
      failure: { fault: "http", sentence: "the server answered 404 Not Found" },
    });
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("404 Not Found"));
    expect(screen.getByRole("alert").textContent).not.toContain("sse record");
    await fireEvent.submit(url().form as HTMLFormElement);
    await waitFor(() => expect(fake.watch).toBe(2));
  });

  it("names the way round where a server wants a header", async () => {
    const fake = new Fake();
    await connected(fake);
    const sentence = "the server answered 401 Unauthorized";
    fake.become({ name: "failed", failure: { fault: "http", sentence } });
    await waitFor(() =>
      expect(screen.getByRole("alert").textContent).toContain("“sse record -o feed.ssrec -- curl …”"),
    );
  });

  it("disconnects by the button, and not by Enter on the same URL", async () => {
    const fake = new Fake();
    await connected(fake);
    fake.become({ name: "open", attempt: 1 });
    await waitFor(() => expect(stateLine()).toContain("Open"));
    await fireEvent.submit(url().form as HTMLFormElement);
    expect(fake.watch).toBe(1);
    await fireEvent.click(screen.getByRole("button", { name: "Disconnect" }));
    await waitFor(() => expect(stateLine()).toContain("Disconnected"));
  });
});
