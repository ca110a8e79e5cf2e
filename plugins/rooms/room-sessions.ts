import type { Actor } from '../../core/bus/event.ts'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Session } from '../../core/sessions/session.ts'

/** The topics of a room. */
export const patternOf = (room: string): string => `rooms/${room}/*`

export const actorOf = (session: Session): Actor => ({ session: session.id, user: session.user?.id ?? null })

export const closeAll = (sessions: Iterable<Session>, error: RookeryError): void => {
  for (const session of [...sessions]) session.close(error)
}
