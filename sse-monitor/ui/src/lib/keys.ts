import { on } from "svelte/events";

const isWithin = ({ target }: KeyboardEvent, elements: string): boolean =>
  target instanceof Element && target.closest(elements) !== null;

/** Whether the key goes to a field, which knows what to do with it. */
export const isTyping = (event: KeyboardEvent): boolean => isWithin(event, "input, textarea");

/** Whether the key presses a button. */
export const isPress = (event: KeyboardEvent): boolean =>
  (event.key === " " || event.key === "Enter") && isWithin(event, "button, summary, a");

/** Keeps a key that is held from pressing its button ever again: heard by the button. */
export function pressOnce(event: KeyboardEvent): void {
  if (event.repeat && event.key === "Enter") event.preventDefault();
}

/** Whether a click is the second of two: it is made before one sees what the first one did. */
export const isSecond = (event: MouseEvent): boolean => event.detail > 1;

/** Whether the pointer is on a text that is selected. */
export function isSelected({ clientX: x, clientY: y, target }: MouseEvent): boolean {
  const selection = getSelection();
  if (selection === null || selection.isCollapsed || !(target instanceof Element)) return false;
  // What stands between two texts is selected with them.
  const isText = getComputedStyle(target).getPropertyValue("-webkit-user-select") !== "none";
  if (!isText || target.closest("button") !== null) return false;
  const rects = selection.getRangeAt(0).getClientRects();
  return [...rects].some(({ left, right, top, bottom }) => x >= left && x < right && y >= top && y < bottom);
}

/** What takes the focus to be scrolled by the keys, or stands around what does. */
const SCROLLED = "[tabindex='0']:not([role='grid']), #detail";

/** Whether the key scrolls what has the focus or what that stands in, as far as that is longer than it is seen. */
export function isScroll({ target }: KeyboardEvent): boolean {
  let within = target instanceof Element ? target.closest(SCROLLED) : null;
  while (within !== null && within.scrollHeight <= within.clientHeight) {
    within = within.parentElement?.closest(SCROLLED) ?? null;
  }
  return within !== null;
}

/** Hears, on the window, of each key and press; a key that is held is one. */
export const nextAct =
  (hear: () => void) =>
  (window: Window): (() => void) => {
    const ends = [
      on(window, "keydown", ({ repeat }) => repeat || hear(), { capture: true }),
      on(window, "pointerdown", hear, { capture: true }),
    ];
    return () => ends.forEach((end) => end());
  };
