import { type App, segment } from 'rookery'
import { Auth } from 'rookery/auth'
import { accounts } from './accounts.ts'
import type { AuthContract, Device } from './contract.ts'
import { ROOM } from './grant.ts'

/** Adds the handlers for users who are logged in: list your devices, write to one user, write to the room. */
export const addHandlers = (app: App<AuthContract>): void => {
  const auth = app.scope.get(Auth)

  /** Sends the list of a user's connected devices to all of them. */
  const publishDevices = async (user: string): Promise<void> => {
    const devices = new Map<string, Device>()
    for (const session of app.sessions.find({ user })) {
      const { sid, device, auth_time: since } = auth.claims(session) ?? {}
      const login = String(sid)
      const tabs = (devices.get(login)?.tabs ?? 0) + 1
      devices.set(login, { login, name: String(device), since: Number(since) * 1000, tabs })
    }
    await app.publish(`users/${segment(user)}/devices`, [...devices.values()])
  }
  app.handle('devices/list', ({ user }) => publishDevices(user.id))
  app.sessions.onClose(({ user }) => user && publishDevices(user.id))

  app.handle('inbox/send', async (ctx, { to, text }) => {
    if (!accounts.some(({ id }) => id === to))
      throw ctx.error('unknown_user', { to }, `There is no user '${to}'`)
    await ctx.publish(`users/${segment(to)}/inbox`, { from: ctx.user.name, text })
  })

  app.handle('room/write', async (ctx, { text }) => {
    await ctx.publish(`rooms/${ROOM}/notes`, { from: ctx.user.name, text })
  })
}
