import { create } from './dom.ts'
import { createItem, type MessageActions } from './message-item.ts'
import { dayName, isSameDay } from './time.ts'
import { continues, type Entry, type Timeline } from './timeline.ts'

/** How near its end, in pixels, the list counts as being at it. */
const NEAR = 48

/**
 * Shows a timeline. At its end the list follows new messages; further up it stays where its reader is, and
 * says how many have come. The first unread one has a line above it.
 */
export class MessageList {
  readonly #scroller: HTMLElement
  readonly #list: HTMLElement
  readonly #jump: HTMLButtonElement
  readonly #timeline: Timeline
  readonly #me: string
  readonly #actions: MessageActions
  readonly #signal: AbortSignal
  readonly #onUnread: (count: number) => void
  readonly #unreadLine = create('li', 'divider unread', create('span', '', 'New'))
  /** What is shown of each entry, and of which of its states. */
  readonly #items = new Map<Entry, { readonly state: Entry['state']; readonly item: HTMLLIElement }>()
  readonly #days = new Map<string, HTMLLIElement>()
  #atEnd = true
  #unread = 0
  #firstUnread: string | undefined

  constructor(
    scroller: HTMLElement,
    jump: HTMLButtonElement,
    signal: AbortSignal,
    options: {
      readonly timeline: Timeline
      readonly me: string
      readonly actions: MessageActions
      readonly onUnread: (count: number) => void
    },
  ) {
    this.#scroller = scroller
    this.#list = scroller.querySelector('ol')!
    this.#jump = jump
    this.#timeline = options.timeline
    this.#me = options.me
    this.#actions = options.actions
    this.#signal = signal
    this.#onUnread = options.onUnread
    scroller.addEventListener('scroll', () => this.#scrolled(), { signal, passive: true })
    jump.addEventListener('click', () => this.toEnd(), { signal })
    document.addEventListener('visibilitychange', () => this.#read(), { signal })
    // A keyboard that opens or a window that shrinks must not hide the last message.
    const resizes = new ResizeObserver(() => this.#follow())
    resizes.observe(scroller)
    signal.addEventListener('abort', () => resizes.disconnect())
    this.update()
  }

  /** Counts a message as unread if nobody sees it come. Call it before `update`. */
  arrived(id: string): void {
    if (this.#atEnd && !document.hidden) return
    if (this.#unread === 0) this.#firstUnread = id
    this.#unread += 1
  }

  /** Shows what the timeline holds now, unless the list shows another room by now. */
  update(): void {
    if (this.#signal.aborted) return
    const { entries } = this.#timeline
    const items = entries.flatMap((entry, index) => this.#itemsOf(entry, entries[index - 1]))
    let next = this.#list.firstElementChild
    for (const item of items) {
      // What stays in its place is not touched, so that nobody hears it read out again.
      if (item === next) next = next.nextElementSibling
      else this.#list.insertBefore(item, next)
    }
    while (next) {
      const gone = next
      next = next.nextElementSibling
      gone.remove()
    }
    for (const entry of this.#items.keys()) {
      if (this.#timeline.get(entry.id) !== entry) this.#items.delete(entry)
    }
    this.#follow()
    this.#showUnread()
  }

  /** Goes to the last message. Who writes has read what is there. */
  toEnd({ written = false } = {}): void {
    this.#atEnd = true
    if (written) this.#firstUnread = undefined
    this.update()
    this.#read()
  }

  #itemsOf(entry: Entry, before: Entry | undefined): HTMLLIElement[] {
    const newDay = !before || !isSameDay(before.at, entry.at)
    const unreadFromHere = entry.id === this.#firstUnread
    const item = this.#itemOf(entry)
    item.classList.toggle('continued', !newDay && !unreadFromHere && continues(entry, before))
    return [...(newDay ? [this.#dayLine(entry.at)] : []), ...(unreadFromHere ? [this.#unreadLine] : []), item]
  }

  #itemOf(entry: Entry): HTMLLIElement {
    const shown = this.#items.get(entry)
    if (shown?.state === entry.state) return shown.item
    const item = createItem(entry, entry.from === this.#me, this.#actions)
    this.#items.set(entry, { state: entry.state, item })
    return item
  }

  #dayLine(at: number): HTMLLIElement {
    const name = dayName(at)
    const line = this.#days.get(name) ?? create('li', 'divider', create('span', '', name))
    this.#days.set(name, line)
    return line
  }

  #scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR
    this.#read()
  }

  #follow(): void {
    if (this.#atEnd) this.#scroller.scrollTop = this.#scroller.scrollHeight
  }

  #read(): void {
    if (this.#atEnd && !document.hidden) this.#unread = 0
    this.#showUnread()
  }

  #showUnread(): void {
    const count = this.#unread
    this.#jump.hidden = this.#atEnd
    this.#jump.textContent =
      count === 0 ? 'Latest messages' : count === 1 ? '1 new message' : `${count} new messages`
    this.#onUnread(count)
  }
}
