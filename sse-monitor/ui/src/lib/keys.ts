/** Whether the key goes to a field or a button, which know what to do with it. */
export function isTyping({ target }: KeyboardEvent): boolean {
  return target instanceof Element && target.closest("input, textarea, button, summary, a") !== null;
}
