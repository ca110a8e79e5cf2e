import { byId } from '../../chat/page/dom.ts'

/** Shows how long the access token is good. */
export class Countdown {
  readonly #text = byId('expiry')
  readonly #bar = byId<HTMLProgressElement>('life')
  readonly #ticking = setInterval(() => this.#tick(), 100)
  #life = 1
  #end = 0

  /** @param life milliseconds that a new token has */
  start(life: number): void {
    this.#life = life
    this.#end = performance.now() + life
    this.#tick()
  }

  stop(): void {
    clearInterval(this.#ticking)
  }

  #tick(): void {
    const left = Math.max(0, this.#end - performance.now())
    this.#bar.value = left / this.#life
    this.#text.textContent = left > 0 ? `expires in ${Math.ceil(left / 1000)} s` : 'has expired'
  }
}
