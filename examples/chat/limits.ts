/** Longest message, in characters. In a file of its own, so that the page loads no schema library for it. */
export const MAX_TEXT = 500
