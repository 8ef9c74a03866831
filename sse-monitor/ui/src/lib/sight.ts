import type { Attachment } from "svelte/attachments";

/** Of what tells something, which may come where it is out of sight: scrolls to it, and again once it tells another. */
export const inSight =
  (_told: string): Attachment<HTMLElement> =>
  (element) =>
    element.scrollIntoView({ block: "nearest" });

/** Of what waits for an answer: scrolls to it, and again once it has another size, as in a window that is zoomed. */
export const keptInSight: Attachment<HTMLElement> = (element) => {
  const observer = new ResizeObserver(() => element.scrollIntoView({ block: "nearest" }));
  observer.observe(element);
  return () => observer.disconnect();
};
