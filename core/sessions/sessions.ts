import type { Target } from '../cluster/target.ts'
import type { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { User } from '../protocol/protocol.ts'
import { createToken } from '../util/token.ts'
import type { Action, Authorizer } from './authorization.ts'
import type { Session } from './session.ts'
import type { Handshake } from './transport.ts'

/**
 * Identifies a peer: returns its user, null for an anonymous peer, or undefined to let the next hook decide. A thrown
 * error refuses the peer.
 */
export type AuthenticateHook = (
  handshake: Handshake,
) => User | null | undefined | Promise<User | null | undefined>
/** Called before a session is welcomed. A thrown error refuses the peer. */
export type OpenHook = (session: Session, handshake: Handshake) => void | Promise<void>
/**
 * Called once when a session has closed, if its open hooks have been called: also if one of them refused it or is still
 * under way. `error` is the reason; it is undefined if the peer left by itself. An error of the hook is logged.
 */
export type CloseHook = (session: Session, error: RookeryError | undefined) => unknown
/** Handles a new token that a client has sent. The result is the reply; a thrown error refuses the token. */
export type TokenHook = (session: Session, token: string) => unknown
/** Called when a session's user has been renewed, since its rights may have changed. */
export type RenewHook = (session: Session) => void | Promise<void>

/** This node's sessions. */
export interface Sessions extends Iterable<Session> {
  /** Number of sessions, including sessions whose open hooks are under way. */
  readonly size: number
  get(id: string): Session | undefined
  /** Returns this node's sessions of a target. @throws `invalid_option` */
  find(target: Target): readonly Session[]
  /**
   * Closes all sessions of a target on every node. Resolves with their number.
   *
   * @param error @default `session_closed`: the clients do not reconnect
   * @throws `cluster_unavailable` if no session is on this node and the other nodes cannot be asked; `invalid_option`
   */
  disconnect(target: Target, error?: RookeryError): Promise<number>
  /**
   * Adds a hook that identifies peers. Hooks are asked in the order in which they were added; hooks with `fallback` are
   * asked after all others. Returns a function that removes the hook.
   *
   * @param options `fallback` @default false
   */
  onAuthenticate(hook: AuthenticateHook, options?: { readonly fallback?: boolean }): () => void
  /** Adds a hook that is called before a session is welcomed. Returns a function that removes it. */
  onOpen(hook: OpenHook): () => void
  /** Adds a hook that is called after a session has closed. Returns a function that removes it. */
  onClose(hook: CloseHook): () => void
  /**
   * Adds the hook that handles new tokens. Returns a function that removes it.
   *
   * @throws `invalid_option` if there is one already
   */
  onToken(hook: TokenHook): () => void
  /** Adds a hook that is called when a session's user has been renewed. Returns a function that removes it. */
  onRenew(hook: RenewHook): () => void
  /** Adds an authorizer, which decides what sessions may do. Returns a function that removes it. */
  addAuthorizer(authorizer: Authorizer): () => void
  /**
   * Asks the authorizers. Returns a promise only if one of them does.
   *
   * @throws `forbidden`, or the error of an authorizer
   */
  authorize(session: Session, action: Action, topic: string): void | Promise<void>
  /**
   * For plugins: asks whether a session may subscribe to a pattern. Returns whether each topic has to be authorized, too.
   *
   * @throws `forbidden`, or the error of an authorizer
   */
  authorizePattern(session: Session, pattern: string): boolean | Promise<boolean>

  /** @internal For plugins: queues a frame for a session of this node. @throws `unserializable` */
  push(session: Session, frame: Frame): void
  /**
   * For plugins: adds a session of this node to a room, so that `app.send({ room })` reaches it. Does nothing if the
   * session has closed.
   *
   * @throws `invalid_option` if the room is an empty string, longer than 255 bytes, or not well-formed
   */
  enterRoom(session: Session, room: string): void
  /** For plugins: removes a session from a room. */
  exitRoom(session: Session, room: string): void
}

export const Sessions = createToken<Sessions>('Sessions')
