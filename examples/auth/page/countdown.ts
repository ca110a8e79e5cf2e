import { byId } from '../../chat/page/dom.ts'

/** Shows the time until the access token expires. */
export class Countdown {
  readonly #text = byId('expiry')
  readonly #bar = byId<HTMLProgressElement>('life')
  readonly #timer = setInterval(() => this.#update(), 100)
  #lifetime = 1
  #end = 0

  /** @param lifetime milliseconds until the new token expires */
  start(lifetime: number): void {
    this.#lifetime = lifetime
    this.#end = performance.now() + lifetime
    this.#update()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #update(): void {
    const left = Math.max(0, this.#end - performance.now())
    this.#bar.value = left / this.#lifetime
    this.#text.textContent = left > 0 ? `expires in ${Math.ceil(left / 1000)} s` : 'has expired'
  }
}
