import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { expect } from "vitest";
import App from "../src/App.svelte";
import type { Fake } from "./fake";
import { rows } from "./rows";

export const numbers = () => rows().map((row) => Number(row.dataset.number));
export const grid = () => screen.getByRole("grid");
export const button = (name: string | RegExp) => screen.getByRole("button", { name });
export const selected = () => document.querySelector('[aria-selected="true"]')?.id;
/** A press of the mouse: what follows it may find another row there. */
export const press = (row: HTMLElement | undefined, button = 0) =>
  fireEvent.pointerDown(row as HTMLElement, { button, pointerType: "mouse" });

/** Watches a stream that is open. */
export async function connected(fake: Fake): Promise<void> {
  fake.given = "http://127.0.0.1:8080/events";
  render(App);
  await waitFor(() => expect(fake.watch).toBe(1));
  await screen.findByRole("grid");
}

/** Watches one from which so many events came. */
export async function watching(fake: Fake, count: number): Promise<void> {
  await connected(fake);
  fake.arrive(...Array.from({ length: count }, () => ({})));
  await waitFor(() => expect(numbers().at(-1)).toBe(count));
}
