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

/** The room that every user joins. */
export const ROOM = 'lobby'
