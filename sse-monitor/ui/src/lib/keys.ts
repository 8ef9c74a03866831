const isWithin = ({ target }: KeyboardEvent, elements: string): boolean =>
  target instanceof Element && target.closest(elements) !== null;

/** Whether the key goes to a field, which knows what to do with it. */
export const isTyping = (event: KeyboardEvent): boolean => isWithin(event, "input, textarea");

/** Whether the key presses a button. */
export const isPress = (event: KeyboardEvent): boolean =>
  (event.key === " " || event.key === "Enter") && isWithin(event, "button, summary, a");

/** Whether the key may scroll what has the focus, which is neither the list nor a button. */
export const isScroll = (event: KeyboardEvent): boolean =>
  isWithin(event, "[tabindex='0']:not([role='grid'])");
