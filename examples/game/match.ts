import type { Frame, Input } from './contract.ts'

/** The field has positions from 0 to `FIELD - 1` in both directions. */
const FIELD = 100

interface Player {
  x: number
  y: number
  input: Input
}

/** The state of one match. It changes only in `step`. */
export class Match {
  readonly #players = new Map<string, Player>()
  #tick = 0

  get isEmpty(): boolean {
    return this.#players.size === 0
  }

  join(id: string): void {
    this.#players.set(id, { x: FIELD / 2, y: FIELD / 2, input: { dx: 0, dy: 0 } })
  }

  leave(id: string): void {
    this.#players.delete(id)
  }

  /** Sets the direction of a player from the next tick on. The last input before a tick counts. */
  steer(id: string, input: Input): void {
    const player = this.#players.get(id)
    if (player) player.input = input
  }

  /** Moves all players by one tick. */
  step(): Frame {
    this.#tick += 1
    const players = [...this.#players].map(([id, player]) => {
      player.x = Math.min(FIELD - 1, Math.max(0, player.x + player.input.dx))
      player.y = Math.min(FIELD - 1, Math.max(0, player.y + player.input.dy))
      return { id, x: player.x, y: player.y }
    })
    return { tick: this.#tick, players }
  }
}
