import { create, createButton } from './dom.ts'
import type { Connection } from './room.ts'

/** Shows the state of the connection. Screen readers read out each change, not each second of a countdown. */
export class Status {
  readonly #root: HTMLElement
  readonly #text = create('span')
  readonly #countdown = create('span')
  readonly #retry: HTMLButtonElement
  #wasOpen = false
  #ticking: ReturnType<typeof setInterval> | undefined

  constructor(root: HTMLElement, onRetry: () => void) {
    this.#root = root
    this.#countdown.ariaHidden = 'true'
    this.#retry = createButton('link', '', onRetry)
    root.replaceChildren(create('span', 'dot'), create('span', '', this.#text, this.#countdown), this.#retry)
  }

  show(connection: Connection): void {
    const { state } = connection
    clearInterval(this.#ticking)
    this.#countdown.textContent = ''
    this.#wasOpen ||= state === 'open'
    this.#root.dataset.state = state
    this.#root.dataset.again = String(this.#wasOpen)
    this.#text.textContent = this.#describe(connection)
    this.#retry.hidden = state !== 'waiting' && state !== 'closed'
    this.#retry.textContent = state === 'closed' ? 'Connect again' : 'Try now'
    if (state === 'waiting') this.#countDown(connection.retryIn ?? 0)
  }

  stop(): void {
    clearInterval(this.#ticking)
  }

  #describe({ state, transport, error }: Connection): string {
    switch (state) {
      case 'open':
        return `Connected over ${transport}`
      case 'waiting':
        return this.#wasOpen ? 'Reconnecting' : 'No connection. Trying again'
      case 'closed':
        return error ? `Disconnected: ${error.message}` : 'Disconnected'
      default:
        return this.#wasOpen ? 'Reconnecting…' : 'Connecting…'
    }
  }

  #countDown(wait: number): void {
    const end = Date.now() + wait
    const tick = () => {
      this.#countdown.textContent = ` in ${Math.max(1, Math.ceil((end - Date.now()) / 1000))} s`
    }
    tick()
    this.#ticking = setInterval(tick, 250)
  }
}
