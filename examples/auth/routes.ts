import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { SignJWT } from 'jose'
import type { App } from 'rookery'
import { Auth } from 'rookery/auth'
import { HttpServer } from 'rookery/http'
import { z } from 'zod'
import { findAccount } from './accounts.ts'
import { Attempts } from './attempt-limit.ts'
import { deviceOf } from './device.ts'
import { LOGIN_LIFE, type Login, Logins } from './logins.ts'
import type { Grant } from './messages.ts'

type Env = { Bindings: HttpBindings }

export interface TokenOptions {
  /** Signs access tokens. */
  readonly key: CryptoKey
  readonly audience: string
  /** Life of an access token, in seconds. */
  readonly life: number
}

const COOKIE = 'refresh'
const MINUTE = 60_000

const Credentials = z.object({ user: z.string().max(64), password: z.string().max(256) })

/** The routes by which one logs in and out, and by which a page gets its access tokens. */
export const loginRoutes = (app: App, { key, audience, life }: TokenOptions): Hono<Env> => {
  const logins = new Logins()
  const byAddress = new Attempts(30, MINUTE)
  const byUser = new Attempts(10, MINUTE)
  const server = app.scope.get(HttpServer)
  const auth = app.scope.get(Auth)

  /** An access token for the page, and in the cookie what the next one costs. */
  const grant = async (c: Context<Env>, login: Login): Promise<Response> => {
    const { user, device, since, tokens } = login
    const jti = randomUUID()
    const now = Date.now()
    for (const [id, expiry] of tokens) if (expiry + MINUTE < now) tokens.delete(id)
    tokens.set(jti, now + life * 1000)
    const token = await new SignJWT({ name: user.name, device, sid: login.id, auth_time: since / 1000 })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setSubject(user.id)
      .setAudience(audience)
      .setJti(jti)
      .setIssuedAt()
      .setExpirationTime(`${life} s`)
      .sign(key)
    setCookie(c, COOKIE, logins.issue(login), {
      httpOnly: true, // no script reads it
      sameSite: 'Strict', // no other site's page sends it
      secure: c.req.header('origin')?.startsWith('https:') ?? false,
      path: '/',
      maxAge: (since + LOGIN_LIFE - now) / 1000,
    })
    const answer: Grant = { token, expiresIn: life * 1000, login: login.id, device, user }
    return c.json(answer)
  }

  /** Ends a login: no more tokens for it, and those that it has are good no longer. */
  const end = async (login: Login): Promise<void> => {
    logins.end(login)
    const tokens = [...login.tokens]
    await Promise.all(tokens.map(([tokenId, until]) => auth.revoke({ tokenId }, { until: new Date(until) })))
  }

  /** The login that a request's cookie is good for. A stolen cookie ends it. */
  const loginOf = async (c: Context<Env>): Promise<Login | undefined> => {
    const found = logins.redeem(getCookie(c, COOKIE) ?? '')
    if (found && !found.stolen) return found.login
    deleteCookie(c, COOKIE)
    if (found) await end(found.login)
    return undefined
  }

  const routes = new Hono<Env>()
  const refuse = (c: Context<Env>, status: 400 | 401 | 403 | 429, message: string) =>
    c.json({ error: message }, status)

  // What a page of another origin sends never gets to the cookie.
  routes.post('*', async (c, next) => {
    if (!(await server.allowsOrigin(c.env.incoming))) return refuse(c, 403, 'This origin is not allowed')
    c.header('cache-control', 'no-store')
    return await next()
  })

  routes.post('/login', async (c) => {
    const body = Credentials.safeParse(await c.req.json().catch(() => undefined))
    if (!body.success) return refuse(c, 400, 'A user and a password are needed')
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
    deleteCookie(c, COOKIE)
    if (login) await end(login)
    return c.body(null, 204)
  })

  routes.post('/logout-everywhere', async (c) => {
    const login = await loginOf(c)
    deleteCookie(c, COOKIE)
    if (!login) return refuse(c, 401, 'You are not logged in')
    const { user, device } = login
    // The last thing that the other devices hear.
    await app.publish(`users/${user.id}/logged-out`, { by: device })
    for (const one of logins.ofUser(user.id)) logins.end(one)
    await auth.revoke({ user: user.id })
    return c.body(null, 204)
  })

  return routes
}
