import { create } from './dom.ts'
import { createItem, type MessageActions } from './message-item.ts'
import { dayName, isSameDay } from './time.ts'
import { continues, type Entry, type Timeline } from './timeline.ts'

/** The list counts as scrolled to its end within this distance, in pixels. */
const END_DISTANCE_PX = 48

/**
 * Shows a timeline. Scrolled to its end, the list follows new messages. Scrolled further up, it keeps its position and
 * shows the number of new messages. A line marks the first unread message.
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
  /** The list item of each entry, and the state that it shows. */
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
    // The last message stays visible when a keyboard opens or the window shrinks.
    const resizes = new ResizeObserver(() => this.#follow())
    resizes.observe(scroller)
    signal.addEventListener('abort', () => resizes.disconnect())
    this.update()
  }

  /** Counts a message as unread if the user does not see it arrive. Call it before `update`. */
  arrived(id: string): void {
    if (this.#atEnd && !document.hidden) return
    if (this.#unread === 0) this.#firstUnread = id
    this.#unread += 1
  }

  /** Shows the current entries of the timeline. Does nothing after the room was left. */
  update(): void {
    if (this.#signal.aborted) return
    const { entries } = this.#timeline
    const items = entries.flatMap((entry, index) => this.#itemsOf(entry, entries[index - 1]))
    let next = this.#list.firstElementChild
    for (const item of items) {
      // An item that keeps its place is not touched: screen readers would read it out again.
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

  /**
   * Scrolls to the last message.
   *
   * @param written whether the user wrote a message: then all messages count as read
   */
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
    this.#atEnd = scrollHeight - scrollTop - clientHeight < END_DISTANCE_PX
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
