/** Where the keys go when what had them is gone. */

import type { Attachment } from "svelte/attachments";
import { on } from "svelte/events";

/** To the list, or to the bar while there is none. */
export function goHome(): void {
  const home = document.querySelector<HTMLElement>("#rows") ?? document.querySelector<HTMLElement>("#url");
  home?.focus();
}

/** Whether nothing has the focus but what matches, so that it may be moved by an answer that took a while. */
export const isFocusIn = (elements: string): boolean =>
  document.activeElement === document.body || document.activeElement?.closest(elements) != null;

/** Of an element that may go while it has the focus, which would be nowhere then: hands it on. */
export const handsOn =
  (to = goHome): Attachment<HTMLElement> =>
  (element) => {
    const has = () => element.contains(document.activeElement);
    let had = has();
    const ends = [
      on(element, "focusin", () => (had = true)),
      // Of one that is taken out of the document some engines tell that it lost the focus, and some do not.
      on(element, "focusout", () => queueMicrotask(() => (had = has() || (had && !element.isConnected)))),
    ];
    return () => {
      for (const end of ends) end();
      // Where nothing has it, it may have been nowhere before.
      if (had && document.activeElement === document.body) to();
    };
  };
