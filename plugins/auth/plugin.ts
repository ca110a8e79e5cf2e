import { type App, AppToken } from '../../core/app/app.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import { Limits } from '../../core/sessions/limits.ts'
import type { Handshake } from '../../core/sessions/transport.ts'
import { Logger } from '../../core/util/logger.ts'
import { milliseconds } from '../../core/util/options.ts'
import { HttpServer } from '../http/tokens.ts'
import { LOGOUT, TokenAuthorizer } from './authorizer.ts'
import { assertOriginCheck, presentedToken } from './credentials.ts'
import { Logins } from './logins.ts'
import { type AuthOptions, checkAuthOptions, jwtSettings } from './options.ts'
import { Revocations } from './revocations.ts'
import { Revoker } from './revoker.ts'
import { RuleBook, type Rules } from './rules.ts'
import { Auth, type VerifiedToken } from './tokens.ts'
import { loginOf, Verifier } from './verifier.ts'

/** How much of the time for a handshake a peer has for its first frame, so that it hears why it is refused. */
const PATIENCE = 0.9

/**
 * Says who peers are, by tokens (JWT) or by a function of yours, and what they may do. Sessions end when their tokens
 * expire or are revoked.
 *
 * @throws `invalid_option`
 * @example auth({ jwt: { secret: process.env.JWT_SECRET }, rules: { subscribe: { 'users/:id/*': ({ user, params }) => params.id === user.id } } })
 */
export const auth = <S extends string = string, W extends string = string, J extends string = string>(
  options: AuthOptions<S, W, J>,
): Plugin => {
  checkAuthOptions(options as AuthOptions)
  const { jwt, authenticate, required = true, cookie, query, authorize, grace = '25s' } = options
  const rules = new RuleBook((options.rules ?? {}) as Rules)
  let log: Logger | undefined
  const logger = () => log as Logger
  const verifier = jwt && new Verifier(jwtSettings(jwt, options as AuthOptions), logger)
  const credentials = { required, cookie, query }
  let revoker: Revoker | undefined

  return definePlugin({
    name: 'auth',
    requires: cookie === undefined ? [] : [HttpServer],
    setup(scope) {
      const app = scope.get(AppToken)
      log = scope.get(Logger)
      const revocations = new Revocations()
      const logins = new Logins(revocations, milliseconds(grace), logger)
      const maxTokenAge = milliseconds(options.maxTokenAge ?? '24h') + milliseconds(jwt?.clockTolerance ?? 0)
      const revoking = new Revoker(app, revocations, logins, maxTokenAge, logger)
      revoker = revoking

      const enter = async (handshake: Handshake): Promise<User | null> => {
        if (!verifier) {
          const user = await authenticate?.(handshake)
          return user ? logins.admit(loginOf(user)) : null
        }
        const { handshakeTimeout } = scope.get(Limits)
        const patience = handshakeTimeout * PATIENCE
        const token = await presentedToken(handshake, credentials, () => scope.get(HttpServer), patience)
        return token === undefined ? null : logins.admit(await verifier.verify(token))
      }
      app.sessions.onAuthenticate(async (handshake) => {
        const user = await enter(handshake)
        if (user === null && required) throw new RookeryError('unauthenticated')
        return user
      })
      app.sessions.onOpen((session) => logins.opened(session, (frame) => app.sessions.push(session, frame)))
      app.sessions.onClose((session) => logins.closed(session))
      if (verifier) {
        app.sessions.onToken((session, token) => logins.renew(session, token, verifier))
        handleLogout(app, revoking)
      }
      // A token may have a claim that says what it allows; without tokens and rules there is nothing to ask.
      if (verifier || authorize || rules.size > 0) {
        app.sessions.addAuthorizer(new TokenAuthorizer(logins.of, rules, authorize))
      }

      scope.provide(Auth, () => ({
        claims: (session) => logins.of(session)?.claims,
        revoke: (target, given) => revoking.revoke(target, given),
        verify: async (token): Promise<VerifiedToken> => {
          if (!verifier) throw new RookeryError('invalid_option', "auth() verifies tokens only with 'jwt'")
          const login = await verifier.verify(token)
          logins.assertValid(login)
          const { user, claims = {}, tokenId = '', expiresAt = 0 } = login
          return { user, claims, tokenId, expiresAt }
        },
      }))
    },
    async start(scope) {
      if (cookie !== undefined) await assertOriginCheck(scope.get(HttpServer))
      await revoker?.start(scope.has(Store) ? scope.get(Store) : undefined)
    },
    stop: () => revoker?.stop(),
  })
}

/** `auth/logout` revokes the token that a session has, or all tokens of its user. */
const handleLogout = (app: App, revoker: Revoker): void => {
  app.handle(LOGOUT, async ({ session, user }, payload) => {
    const { everywhere = false } = (payload ?? {}) as { everywhere?: unknown }
    if (typeof everywhere !== 'boolean') {
      const issues = [{ message: 'must be true or false', path: ['everywhere'] }]
      throw new RookeryError('invalid_payload', undefined, { issues })
    }
    const target = everywhere ? { user: user.id } : { session: session.id }
    const { sessions, missing } = await revoker.revoke(target, {}, session)
    // Once the reply is on its way.
    setImmediate(() => session.close(new RookeryError('token_revoked')))
    return { sessions: sessions + 1, missing }
  })
}
