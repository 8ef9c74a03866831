/** Where the keys go when what had them is gone. */

import type { Attachment } from "svelte/attachments";

/** To the list, or to the bar while there is none. */
export function goHome(): void {
  const home = document.querySelector<HTMLElement>("#rows") ?? document.querySelector<HTMLElement>("#url");
  home?.focus();
}

/** Of an element that may go while it has the focus, which would be nowhere then: hands it on. */
export const handsOn =
  (to = goHome): Attachment =>
  () =>
  () => {
    if (document.activeElement === document.body) to();
  };
