import { create } from '../dom.ts'
import { createTime } from '../time.ts'

/** Most lines that the journal shows. */
const MAX_LINES = 30

/** What has happened, the newest line first. Screen readers read out each new line. */
export class Journal {
  readonly #list: HTMLElement

  /** @param log element with a list */
  constructor(log: HTMLElement) {
    this.#list = log.querySelector('ol')!
    this.#list.replaceChildren()
  }

  /** @param kind `good` and `bad` have a colour of their own */
  add(text: string, kind: 'plain' | 'good' | 'bad' = 'plain'): void {
    this.#list.prepend(create('li', kind, createTime(Date.now()), ' ', text))
    while (this.#list.children.length > MAX_LINES) this.#list.lastElementChild?.remove()
  }
}
