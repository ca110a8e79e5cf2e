import type { Session } from '../../core/sessions/session.ts'
import type { Member } from './tokens.ts'

/**
 * Returns the member for each session: its user, or a guest. The ids of guests begin with `$guest-`, and no id of a user
 * does: an id that begins with `$` gets a second `$`.
 */
export class SessionMembers {
  readonly #guests = new WeakMap<Session, Member>()

  of(session: Session): Member {
    const { user } = session
    if (user) return { id: user.id.startsWith('$') ? `$${user.id}` : user.id, name: user.name }
    let guest = this.#guests.get(session)
    if (!guest) {
      guest = { id: `$guest-${crypto.randomUUID().replaceAll('-', '')}`, name: 'Guest' }
      this.#guests.set(session, guest)
    }
    return guest
  }
}
