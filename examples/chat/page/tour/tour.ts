import { byId, createButton } from '../dom.ts'
import type { Connection, Room } from '../room.ts'
import { Journal } from './journal.ts'
import type { Network } from './network.ts'
import { NodeList } from './node-list.ts'
import { Readings } from './readings.ts'
import * as requests from './requests.ts'

/** How long the tour cuts the connection, in milliseconds. */
const CUT_MS = 5000

/** The panel that shows what happens, with buttons for what can go wrong. */
export class Tour {
  readonly #room: Room
  readonly #network: Network
  readonly #signal: AbortSignal
  readonly #journal = new Journal(byId('journal'))
  readonly #readings: Readings
  readonly #actions = byId('actions')
  #nodes: NodeList | undefined
  #lostAt: number | undefined
  #wasOpen = false
  /** Messages that came from the history since the last connection. */
  #replayed = 0

  constructor(room: Room, network: Network, signal: AbortSignal) {
    this.#room = room
    this.#network = network
    this.#signal = signal
    this.#readings = new Readings(room, network, signal)
    this.#actions.replaceChildren()
    this.#addAction('Cut the connection', 'For 5 s. Meanwhile a bot writes to this room.', () => this.#cut())
    this.#addAction(
      'Block WebSocket',
      'The client falls back to server-sent events. Press again to return.',
      (button) => this.#block(button),
    )
    signal.addEventListener('abort', () => network.restore())
    void this.#start()
  }

  /** The state of the connection has changed. */
  connection({ state, transport }: Connection): void {
    if (state === 'open') {
      const seconds = this.#lostAt === undefined ? undefined : (performance.now() - this.#lostAt) / 1000
      this.#lostAt = undefined
      this.#replayed = 0
      const after = seconds === undefined ? '' : ` after ${seconds.toFixed(1)} s`
      this.#journal.add(`Connected over ${transport}${after}`, this.#wasOpen ? 'good' : 'plain')
      this.#wasOpen = true
      void this.#readings.ping()
    } else if (this.#wasOpen && this.#lostAt === undefined && state !== 'idle') {
      this.#lostAt = performance.now()
      this.#journal.add('The connection is lost. What you write waits in the page.', 'bad')
    }
    this.#readings.update()
    void this.#nodes?.update()
  }

  message(isReplayed: boolean): void {
    if (isReplayed) this.#replayed++
    this.#readings.update()
  }

  /** The page has got everything that it missed. */
  recovered(): void {
    const count = this.#replayed
    const missed =
      count === 0 ? 'Nothing was missed' : `${count} missed ${count === 1 ? 'message' : 'messages'}`
    this.#journal.add(count === 0 ? missed : `${missed} recovered, in order and once. Lost: 0`, 'good')
    this.#replayed = 0
  }

  gap(reason: string): void {
    this.#journal.add(`Messages may be missing (${reason}). The page loads the latest ones again.`, 'bad')
  }

  /** Adds what depends on the server. */
  async #start(): Promise<void> {
    try {
      const [features, source] = await Promise.all([requests.features(), requests.source()])
      if (this.#signal.aborted) return
      byId('source').textContent = source
      if (features.restart) {
        const text = 'Away for about 3 s. Write meanwhile: nothing is lost.'
        this.#addAction('Restart the server', text, async () => {
          this.#journal.add('The server stops. It tells its clients when to come back.')
          await requests.restart()
        })
      }
      if (features.slowReader) {
        const text = 'Another client stops reading. The server publishes 12 MB to it.'
        this.#addAction('Slow reader', text, () => this.#slowReader())
      }
      if (features.nodes) this.#nodes = new NodeList(byId('nodes'), this.#room, this.#journal, this.#signal)
    } catch {
      // The server does not answer now. The page works without this part of the panel.
    }
  }

  /** @param act an error becomes a line of the journal */
  #addAction(label: string, text: string, act: (button: HTMLButtonElement) => unknown): void {
    const button = createButton('quiet', label, async () => {
      button.ariaDisabled = 'true'
      try {
        await act(button)
      } catch (error) {
        this.#journal.add(error instanceof Error ? error.message : String(error), 'bad')
      }
      button.ariaDisabled = null
    })
    const item = document.createElement('li')
    const description = document.createElement('p')
    description.id = `about-${label.toLowerCase().replaceAll(' ', '-')}`
    description.textContent = text
    button.setAttribute('aria-describedby', description.id)
    item.append(button, description)
    this.#actions.append(item)
  }

  async #cut(): Promise<void> {
    await this.#room.announceAbsence()
    this.#network.cut()
    await new Promise((resolve) => setTimeout(resolve, CUT_MS))
    this.#network.restore()
    this.#room.connect()
  }

  #block(button: HTMLButtonElement): void {
    const blocks = !this.#network.blocksWebSocket
    this.#network.blocksWebSocket = blocks
    button.ariaPressed = String(blocks)
    this.#journal.add(blocks ? 'WebSocket is blocked, as by a strict proxy' : 'WebSocket works again')
  }

  async #slowReader(): Promise<void> {
    this.#journal.add('Another client has stopped reading. Watch your round trip.')
    const stop = this.#readings.measureOften()
    try {
      const { messages, megabytes, caughtUp, wrong } = await requests.slowReader()
      const { median } = stop()
      this.#journal.add(
        `It got all ${messages.toLocaleString()} messages (${megabytes} MB) ${(caughtUp / 1000).toFixed(1)} s after it began to ` +
          `read again; wrong or lost: ${wrong}. Your round trip meanwhile: ${median.toFixed(1)} ms (median).`,
        wrong === 0 ? 'good' : 'bad',
      )
    } finally {
      stop()
    }
  }
}
