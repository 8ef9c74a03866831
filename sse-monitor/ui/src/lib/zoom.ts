import { on } from "svelte/events";

/** How large the window is drawn, in steps that browsers have too. The widest bound what a list may be high. */
export const LEVELS = [0.5, 0.67, 0.75, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2];

export const LARGEST = 2;

/** The level so many steps larger or smaller. */
export function stepped(level: number, by: number): number {
  const at = LEVELS.findIndex((one) => one >= level);
  return LEVELS[Math.min(Math.max(at + by, 0), LEVELS.length - 1)] ?? 1;
}

/** What a key asks for with Ctrl: steps, or to be as large as it is made; `null` if nothing. */
export function zoomOf(key: string): number | "reset" | null {
  if (key === "+" || key === "=") return 1;
  if (key === "-" || key === "_") return -1;
  return key === "0" ? "reset" : null;
}

/** Pixels of a level: a mouse wheel tells no fewer at once. */
const NOTCH = 50;

/** Hears, on the window, of each level that the wheel is turned with Ctrl: a touchpad tells it in many small pieces. */
export const turnedWithControl =
  (hear: (by: number) => void) =>
  (window: Window): (() => void) => {
    let turned = 0;
    const onwheel = (event: WheelEvent): void => {
      if (!event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      if (event.deltaY * turned < 0) turned = 0;
      turned += event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * NOTCH;
      if (Math.abs(turned) < NOTCH) return;
      hear(turned < 0 ? 1 : -1);
      turned = 0;
    };
    return on(window, "wheel", onwheel, { passive: false });
  };
