/** The answer to `/login` and `/token`. */
export interface Grant {
  readonly token: string
  /** Milliseconds. */
  readonly expiresIn: number
  /** Id of the login: of this device, until it logs out. */
  readonly login: string
  readonly device: string
  readonly user: { readonly id: string; readonly name: string }
}

/** A device that is connected, on `users/<id>/devices`, in a list. */
export interface Device {
  /** Id of its login. */
  readonly login: string
  readonly name: string
  /** When it logged in, in milliseconds since 1970. */
  readonly since: number
  /** How many connections it has: one for each tab. */
  readonly tabs: number
}

/** A note to one person, on `users/<id>/inbox`, or to all in the room, on `rooms/lobby/notes`. */
export interface Note {
  readonly from: string
  readonly text: string
}

/** Why a device is logged out, on `users/<id>/logged-out`. */
export interface LoggedOut {
  /** The device on which somebody chose `Log out everywhere`. */
  readonly by: string
}

/** The room that everybody is in. */
export const ROOM = 'lobby'
export const MAX_TEXT = 200
