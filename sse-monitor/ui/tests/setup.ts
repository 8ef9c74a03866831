import { afterEach } from "vitest";
import { cleanup, configure } from "@testing-library/svelte";
import { clearMocks } from "@tauri-apps/api/mocks";

/** Only what hangs takes so long, on a machine that has much else to do as well. */
configure({ asyncUtilTimeout: 20_000 });

/** jsdom lays nothing out: every element is as high as twenty rows. */
export const HEIGHT = 520;

class StillObserver implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
globalThis.ResizeObserver = StillObserver;
HTMLElement.prototype.scrollIntoView = () => {};
Object.defineProperty(HTMLElement.prototype, "clientHeight", { get: () => HEIGHT });

afterEach(() => {
  cleanup();
  clearMocks();
});
