import { Window } from 'happy-dom'

/**
 * Gives the process a document. The environment `happy-dom` of vitest would also replace `AbortController`, `fetch` and
 * others, which the server of the same process uses. Import this module before React.
 */
const window = new Window({ url: 'http://localhost/' })
const { document, navigator, HTMLElement, HTMLIFrameElement, Node, MutationObserver } = window
const globals = { window, document, navigator, HTMLElement, HTMLIFrameElement, Node, MutationObserver }
for (const [name, value] of Object.entries(globals))
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
