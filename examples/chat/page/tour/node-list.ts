import { create, createButton } from '../dom.ts'
import type { Room } from '../room.ts'
import type { Journal } from './journal.ts'
import * as requests from './requests.ts'

const UPDATE_INTERVAL_MS = 2000

/** The nodes of the cluster, which one serves this page, and a button to kill each. */
export class NodeList {
  readonly #root: HTMLElement
  readonly #room: Room
  readonly #journal: Journal
  #shown = ''

  constructor(root: HTMLElement, room: Room, journal: Journal, signal: AbortSignal) {
    this.#root = root
    this.#room = room
    this.#journal = journal
    root.hidden = false
    const timer = setInterval(() => void this.update(), UPDATE_INTERVAL_MS)
    signal.addEventListener('abort', () => {
      clearInterval(timer)
      root.hidden = true
    })
    void this.update()
  }

  async update(): Promise<void> {
    try {
      const nodes = await requests.nodes()
      const { node: own } = this.#room.facts
      const shown = JSON.stringify([nodes, own])
      // The focus stays on a button while nothing changes.
      if (shown === this.#shown) return
      this.#shown = shown
      this.#root
        .querySelector('ul')
        ?.replaceChildren(...nodes.map((node) => this.#itemOf(node, node === own)))
    } catch {
      // The balancer does not answer now. The next update tries again.
    }
  }

  #itemOf(node: string, isOwn: boolean): HTMLLIElement {
    const kill = createButton('quiet', 'Kill', async () => {
      kill.ariaDisabled = 'true'
      this.#journal.add(`Node ${node} is killed${isOwn ? ': it serves this page' : ''}`, 'bad')
      await requests.kill(node).catch((error: unknown) => this.#journal.add(String(error), 'bad'))
      await this.update()
    })
    kill.ariaLabel = `Kill node ${node}`
    const item = create('li', isOwn ? 'own' : '', create('code', '', node))
    if (isOwn) item.append(create('span', 'you', 'serves this page'))
    item.append(kill)
    return item
  }
}
