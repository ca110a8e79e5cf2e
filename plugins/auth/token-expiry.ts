/** Longest delay that timers take, in ms. */
const MAX_DELAY = 2 ** 31 - 1
/** How long before its end a token should be renewed, in ms. */
const LEAD = 30_000

/** Milliseconds before its end at which a token with so long to live is to be renewed: 30 s, or half of a short life. */
export const leadOf = (remaining: number): number => Math.min(LEAD, Math.max(0, remaining) / 2)

/** Calls back at a time of the wall clock, however far away. Does not keep the process alive. */
export class Alarm {
  readonly #ring: () => void
  readonly #at: number
  #timer: NodeJS.Timeout | undefined

  /** @param at milliseconds since 1970 */
  constructor(at: number, ring: () => void) {
    this.#at = at
    this.#ring = ring
    this.#arm()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #arm(): void {
    const delay = Math.max(0, this.#at - Date.now())
    this.#timer = setTimeout(
      () => {
        if (Date.now() >= this.#at) this.#ring()
        else this.#arm()
      },
      Math.min(delay, MAX_DELAY),
    ).unref()
  }
}

export interface LeaseEvents {
  /** It is time for a new token; the one in use is good for so many milliseconds yet. */
  ask(expiresIn: number): void
  /** No new token came. */
  end(): void
}

/** How long a token lets a session live: asks for another in time, and ends when none comes. */
export class Lease {
  readonly #grace: number
  readonly #events: LeaseEvents
  #alarm: Alarm | undefined

  /** @param grace milliseconds after the token's end for a new one to come */
  constructor(expiresAt: number, grace: number, events: LeaseEvents) {
    this.#grace = grace
    this.#events = events
    this.renew(expiresAt)
  }

  /** Begins anew with another token. */
  renew(expiresAt: number): void {
    this.stop()
    const remaining = expiresAt - Date.now()
    this.#alarm = new Alarm(expiresAt - leadOf(remaining), () => {
      this.#alarm = new Alarm(expiresAt + this.#grace, () => this.#events.end())
      this.#events.ask(Math.max(0, expiresAt - Date.now()))
    })
  }

  stop(): void {
    this.#alarm?.stop()
  }
}
