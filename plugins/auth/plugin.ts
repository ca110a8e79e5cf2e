import { type App, AppToken } from '../../core/app/app.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Readiness } from '../../core/app/readiness.ts'
import { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import { Limits } from '../../core/sessions/limits.ts'
import type { Handshake } from '../../core/sessions/transport.ts'
import { Logger } from '../../core/util/logger.ts'
import { milliseconds } from '../../core/util/options.ts'
import { HttpServer } from '../http/tokens.ts'
import { AuthenticatedSessions } from './authenticated-sessions.ts'
import { identityWithoutToken } from './identity.ts'
import { type AuthOptions, checkAuthOptions, jwtSettings } from './options.ts'
import { assertOriginCheck, presentedToken } from './presented-token.ts'
import { RevocationList } from './revocation-list.ts'
import { Revoker } from './revoker.ts'
import { RuleSet } from './rule-set.ts'
import type { Rules } from './rules.ts'
import { LOGOUT_TOPIC, SessionAuthorizer } from './session-authorizer.ts'
import { maxClockLeadSeconds, TokenVerifier } from './token-verifier.ts'
import { Auth, type VerifiedToken } from './tokens.ts'

/**
 * Share of the handshake's time limit in which the first frame must arrive. The rest is left to tell the client why it
 * is refused.
 */
const FIRST_FRAME_SHARE = 0.9

/**
 * Authenticates clients by tokens (JWT) or by a function of yours, and decides what they may do. Closes a session
 * when its token expires or is revoked.
 *
 * @throws `invalid_option`
 * @example auth({ jwt: { secret: process.env.JWT_SECRET }, rules: { subscribe: { 'users/:id/*': ({ user, params }) => params.id === user.id } } })
 */
export const auth = <S extends string = string, W extends string = string, J extends string = string>(
  options: AuthOptions<S, W, J>,
): Plugin => {
  checkAuthOptions(options as AuthOptions)
  const { jwt, authenticate, required = true, cookie, query, authorize, grace = '25s' } = options
  const rules = new RuleSet((options.rules ?? {}) as Rules)
  let log: Logger | undefined
  const logger = () => log as Logger
  const verifier = jwt && new TokenVerifier(jwtSettings(jwt, options as AuthOptions), logger)
  const tokenSources = { required, cookie, query }
  let currentRevoker: Revoker | undefined

  return definePlugin({
    name: 'auth',
    requires: cookie === undefined ? [] : [HttpServer],
    setup(scope) {
      const app = scope.get(AppToken)
      log = scope.get(Logger)
      verifier?.checkAudience()
      const revocations = new RevocationList()
      const sessions = new AuthenticatedSessions(revocations, milliseconds(grace), logger)
      const clockTolerance = milliseconds(jwt?.clockTolerance ?? 0)
      const revoker = new Revoker({
        app,
        revocations,
        sessions,
        maxTokenAge: milliseconds(options.maxTokenAge ?? '24h') + clockTolerance,
        maxClockLead: maxClockLeadSeconds(clockTolerance),
        log: logger,
      })
      currentRevoker = revoker

      const userOf = async (handshake: Handshake): Promise<User | null> => {
        if (!verifier) {
          const user = await authenticate?.(handshake)
          return user ? sessions.admit(identityWithoutToken(user)) : null
        }
        const firstFrameWaitMs = scope.get(Limits).handshakeTimeout * FIRST_FRAME_SHARE
        const http = () => scope.get(HttpServer)
        const token = await presentedToken(handshake, tokenSources, http, firstFrameWaitMs)
        return token === undefined ? null : sessions.admit(await verifier.verify(token))
      }
      app.sessions.onAuthenticate(async (handshake) => {
        const user = await userOf(handshake)
        if (user === null && required) throw new RookeryError('unauthenticated')
        return user
      })
      app.sessions.onOpen((session) => sessions.opened(session, (frame) => app.sessions.push(session, frame)))
      app.sessions.onClose((session) => sessions.closed(session))
      if (verifier) {
        app.sessions.onToken((session, token) => sessions.renew(session, token, verifier))
        handleLogout(app, revoker)
      }
      // A token may limit what it allows. Without tokens, rules and `authorize`, everything is allowed.
      if (verifier || authorize || rules.size > 0) {
        app.sessions.addAuthorizer(new SessionAuthorizer(sessions.identityOf, rules, authorize))
      }

      scope.provide(Auth, () => ({
        claims: (session) => sessions.identityOf(session)?.claims,
        revoke: (target, revokeOptions) => revoker.revoke(target, revokeOptions),
        verify: async (token): Promise<VerifiedToken> => {
          if (!verifier) throw new RookeryError('invalid_option', "verify() of auth() needs the option 'jwt'")
          const identity = await verifier.verify(token)
          sessions.assertValid(identity)
          const { user, claims = {}, tokenId = '', expiresAt = 0 } = identity
          return { user, claims, tokenId, expiresAt }
        },
      }))
    },
    async start(scope) {
      if (cookie !== undefined) await assertOriginCheck(scope.get(HttpServer))
      const sync = currentRevoker?.sync
      const store = scope.has(Store) ? scope.get(Store) : undefined
      if (store && sync) {
        scope.get(Readiness).add('revocations', () => ({
          ready: sync.loaded,
          status: sync.loaded ? 'loaded' : 'loading',
        }))
      }
      await sync?.start(store)
    },
    stop: () => currentRevoker?.sync.stop(),
  })
}

/** Handles `auth/logout`: revokes the token of the session, or all tokens of its user. */
const handleLogout = (app: App, revoker: Revoker): void => {
  app.handle(LOGOUT_TOPIC, { strict: false }, async ({ session, user }, payload) => {
    const { everywhere = false } = (payload ?? {}) as { everywhere?: unknown }
    if (typeof everywhere !== 'boolean') {
      const issues = [{ message: 'must be true or false', path: ['everywhere'] }]
      throw new RookeryError('invalid_payload', undefined, { issues })
    }
    const target = everywhere ? { user: user.id } : { session: session.id }
    const { sessions, missing } = await revoker.revoke(target, {}, session)
    // The reply must leave first.
    setImmediate(() => session.close(new RookeryError('token_revoked')))
    return { sessions: sessions + 1, missing }
  })
}
