import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import App from "../src/App.svelte";
import { Fake } from "./fake";
import { rows } from "./rows";
import { button, grid, press, watching } from "./watching";

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

  it("goes to the bar where there is no list", async () => {
    const fake = new Fake();
    fake.recovered.troubles.push("What a window had recorded stays in /tmp.");
    render(App);
    await enter("Dismiss");
    await isAt(() => screen.getByLabelText("URL of the event stream"));
  });
});
