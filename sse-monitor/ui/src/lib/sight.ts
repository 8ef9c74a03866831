import type { Attachment } from "svelte/attachments";

/** Of what tells something, which may come where it is out of sight: scrolls to it, and again once it tells another. */
export const inSight =
  (_told: string): Attachment<HTMLElement> =>
  (element) =>
    element.scrollIntoView({ block: "nearest" });
