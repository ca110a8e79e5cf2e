import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { SignJWT } from 'jose'
import { type App, segment } from 'rookery'
import { Auth } from 'rookery/auth'
import { HttpServer } from 'rookery/http'
import { z } from 'zod'
import { findAccount } from './accounts.ts'
import { AttemptLimit } from './attempt-limit.ts'
import type { AuthContract } from './contract.ts'
import { deviceOf } from './device.ts'
import type { Grant } from './grant.ts'
import { LOGIN_LIFETIME_MS, type Login, Logins } from './logins.ts'

type Env = { Bindings: HttpBindings }

export interface TokenOptions {
  /** Signs access tokens. */
  readonly key: CryptoKey
  readonly audience: string
  /** Lifetime of an access token, in seconds. */
  readonly lifetimeSeconds: number
}

const COOKIE_NAME = 'refresh'
const MINUTE_MS = 60_000
const MAX_ATTEMPTS_PER_ADDRESS = 30
const MAX_ATTEMPTS_PER_USER = 10

const Credentials = z.object({ user: z.string().max(64), password: z.string().max(256) })

/** Creates the routes that log users in and out and issue their access tokens. */
export const loginRoutes = (
  app: App<AuthContract>,
  { key, audience, lifetimeSeconds }: TokenOptions,
): Hono<Env> => {
  const logins = new Logins()
  const byAddress = new AttemptLimit(MAX_ATTEMPTS_PER_ADDRESS, MINUTE_MS)
  const byUser = new AttemptLimit(MAX_ATTEMPTS_PER_USER, MINUTE_MS)
  const server = app.scope.get(HttpServer)
  const auth = app.scope.get(Auth)

  /** Answers with an access token for the page, and with a cookie that holds the refresh token for the next one. */
  const grant = async (c: Context<Env>, login: Login): Promise<Response> => {
    const { user, device, since, tokens } = login
    const jti = randomUUID()
    const now = Date.now()
    for (const [id, expiry] of tokens) if (expiry + MINUTE_MS < now) tokens.delete(id)
    tokens.set(jti, now + lifetimeSeconds * 1000)
    const token = await new SignJWT({ name: user.name, device, sid: login.id, auth_time: since / 1000 })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setSubject(user.id)
      .setAudience(audience)
      .setJti(jti)
      .setIssuedAt()
      .setExpirationTime(`${lifetimeSeconds} s`)
      .sign(key)
    setCookie(c, COOKIE_NAME, logins.issue(login), {
      httpOnly: true, // scripts cannot read it
      sameSite: 'Strict', // requests from other sites do not send it
      secure: c.req.header('origin')?.startsWith('https:') ?? false,
      path: '/',
      maxAge: (since + LOGIN_LIFETIME_MS - now) / 1000,
    })
    const answer: Grant = { token, expiresIn: lifetimeSeconds * 1000, login: login.id, device, user }
    return c.json(answer)
  }

  /** Ends a login and revokes its access tokens. */
  const end = async (login: Login): Promise<void> => {
    logins.end(login)
    const tokens = [...login.tokens]
    await Promise.all(tokens.map(([tokenId, until]) => auth.revoke({ tokenId }, { until: new Date(until) })))
  }

  /** Returns the login of the request's cookie. If the cookie is stolen, ends the login. */
  const loginOf = async (c: Context<Env>): Promise<Login | undefined> => {
    const found = logins.redeem(getCookie(c, COOKIE_NAME) ?? '')
    if (found && !found.stolen) return found.login
    deleteCookie(c, COOKIE_NAME)
    if (found) await end(found.login)
    return undefined
  }

  const routes = new Hono<Env>()
  const refuse = (c: Context<Env>, status: 400 | 401 | 403 | 429, message: string) =>
    c.json({ error: message }, status)

  // Refuses requests from pages of other origins, whatever cookie they have.
  routes.post('*', async (c, next) => {
    if (!(await server.allowsOrigin(c.env.incoming))) return refuse(c, 403, 'This origin is not allowed')
    c.header('cache-control', 'no-store')
    return await next()
  })

  routes.post('/login', async (c) => {
    const body = Credentials.safeParse(await c.req.json().catch(() => undefined))
    if (!body.success) return refuse(c, 400, 'Enter a name and a password')
    const { user, password } = body.data
    const wait = Math.max(byAddress.take(server.addressOf(c.env.incoming)), byUser.take(user))
    if (wait > 0) {
      c.header('retry-after', String(Math.ceil(wait / 1000)))
      return refuse(c, 429, 'Too many attempts. Wait a minute, then try again')
    }
    const account = await findAccount(user, password)
    if (!account) return refuse(c, 401, 'The name or the password is wrong')
    return await grant(c, logins.begin(account, deviceOf(c.req.header('user-agent'))))
  })

  routes.post('/token', async (c) => {
    const login = await loginOf(c)
    return login ? await grant(c, login) : refuse(c, 401, 'You are not logged in')
  })

  routes.post('/logout', async (c) => {
    const login = await loginOf(c)
    deleteCookie(c, COOKIE_NAME)
    if (login) await end(login)
    return c.body(null, 204)
  })

  routes.post('/logout-everywhere', async (c) => {
    const login = await loginOf(c)
    deleteCookie(c, COOKIE_NAME)
    if (!login) return refuse(c, 401, 'You are not logged in')
    const { user, device } = login
    // The other devices must receive this before their sessions are closed.
    await app.publish(`users/${segment(user.id)}/logged-out`, { by: device })
    for (const other of logins.ofUser(user.id)) logins.end(other)
    await auth.revoke({ user: user.id })
    return c.body(null, 204)
  })

  return routes
}
