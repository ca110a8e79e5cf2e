import { type App, RookeryError, type Session, segment } from 'rookery'
import type { GameContract } from './contract.ts'
import { Match } from './match.ts'

/** Most matches at once. */
const MAX_MATCHES = 1000

/** All matches of the server. */
export interface Game {
  /** The match with this name. Begins it if there is none. @throws a RookeryError beyond 1,000 matches */
  match(name: string): Match
  /** Moves all matches by one tick and publishes one frame for each. */
  step(): void
}

/** Adds the handlers of the game to an app. A session is one player in each match that it joins. */
export const addGame = (app: App<GameContract>): Game => {
  const matches = new Map<string, Match>()
  const players = new WeakMap<Session, string>()
  let count = 0

  const match = (name: string): Match => {
    const found = matches.get(name)
    if (found) return found
    if (matches.size >= MAX_MATCHES) throw new RookeryError('server_full', 'There are too many matches')
    const started = new Match()
    matches.set(name, started)
    return started
  }

  /** The public name of a session. Its id is a secret. */
  const playerOf = (session: Session): string => {
    const player = players.get(session) ?? `player-${(count += 1)}`
    players.set(session, player)
    return player
  }

  app.handle('matches/:match/join', ({ session, params }) => {
    const player = playerOf(session)
    match(params.match).join(player)
    return { player }
  })
  app.handle('matches/:match/input', ({ session, params }, input) => {
    matches.get(params.match)?.steer(playerOf(session), input)
  })
  app.sessions.onClose((session) => {
    for (const [name, joined] of matches) {
      joined.leave(playerOf(session))
      if (joined.isEmpty) matches.delete(name)
    }
  })

  const step = (): void => {
    for (const [name, running] of matches) void app.publish(`matches/${segment(name)}/frame`, running.step())
  }
  return { match, step }
}
