/** The answer to `/login` and `/token`. */
export interface Grant {
  readonly token: string
  /** Time until the token expires, in milliseconds. */
  readonly expiresIn: number
  /** Id of the login of this device. */
  readonly login: string
  readonly device: string
  readonly user: { readonly id: string; readonly name: string }
}

/** A connected device. A list of them is published to `users/<id>/devices`. */
export interface Device {
  /** Id of the device's login. */
  readonly login: string
  readonly name: string
  /** Time of the login, in milliseconds since 1970. */
  readonly since: number
  /** Number of connections: one for each tab. */
  readonly tabs: number
}

/** A note to one user, on `users/<id>/inbox`, or to the members of the room, on `rooms/lobby/notes`. */
export interface Note {
  readonly from: string
  readonly text: string
}

/** Why the user's devices are logged out, on `users/<id>/logged-out`. */
export interface LoggedOut {
  /** The device on which the user chose `Log out everywhere`. */
  readonly by: string
}

/** The room that every user joins. */
export const ROOM = 'lobby'
/** Maximum length of a note. */
export const MAX_TEXT_CHARACTERS = 200
