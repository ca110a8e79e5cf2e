import { AppToken, createApp, createToken, definePlugin, Readiness } from 'rookery'
import { http } from 'rookery/http'
import { describe, expect, it } from 'vitest'
import { coded } from '../handlers/handlers-support.ts'

const create = () => createApp({ logger: 'silent' })

describe('a plugin object', () => {
  it('of another app is refused with advice, also after that app has stopped', async () => {
    const web = http({ port: 0 })
    const first = createApp({ logger: 'silent', plugins: [web] })
    const again = () => createApp({ logger: 'silent', plugins: [web] })
    const refusal = coded('invalid_option', {
      message: "The plugin 'http' is part of another app; create a plugin for each app, with a function",
    })
    expect(again).toThrow(refusal)
    await first.start()
    await first.stop()
    expect(again).toThrow(refusal)
  })

  it('may be used again if the app could not be created', () => {
    const Other = createToken<string>('Other')
    const plugin = definePlugin({ name: 'a' })
    const needy = definePlugin({ name: 'b', requires: [Other] })
    expect(() => createApp({ logger: 'silent', plugins: [plugin, needy] })).toThrow(
      coded('missing_requirement'),
    )
    expect(() => createApp({ logger: 'silent', plugins: [plugin] })).not.toThrow()
  })
})

describe('Readiness.add', () => {
  const condition = { ready: true, status: 'ok' }

  it('refuses a name that is taken, and takes it again once it is removed', () => {
    const readiness = create().scope.get(Readiness)
    const remove = readiness.add('database', () => condition)
    expect(() => readiness.add('database', () => condition)).toThrow(
      coded('invalid_option', { message: expect.stringContaining("'database'") }),
    )
    remove()
    readiness.add('database', () => condition)
    // The second call of the first function does not remove the later part.
    remove()
    expect(readiness.report().checks).toEqual({ database: 'ok' })
  })
})

describe('the function that removes a hook', () => {
  it('of onToken does not remove a later hook when it is called twice', async () => {
    const { sessions } = create()
    const hook = () => 'token'
    const remove = sessions.onToken(hook)
    expect(() => sessions.onToken(hook)).toThrow(coded('invalid_option'))
    remove()
    const removeLater = sessions.onToken(hook)
    remove()
    expect(() => sessions.onToken(hook)).toThrow(coded('invalid_option'))
    removeLater()
    expect(() => sessions.onToken(hook)).not.toThrow()
  })

  it('of an answer or a kind of message does not remove a later one when it is called twice', () => {
    const { cluster } = create()
    const add = [() => cluster.answer('a', () => 1), () => cluster.onMessage('a', () => {})]
    for (const one of add) {
      const remove = one()
      remove()
      one()
      remove()
      expect(one).toThrow(coded('invalid_option'))
    }
  })
})

describe('the scope of a stopped app', () => {
  it('says that the app has stopped', async () => {
    const app = create()
    await app.stop()
    expect(() => app.scope.get(AppToken)).toThrow(
      coded('app_stopped', { message: expect.stringContaining('App') }),
    )
    expect(app.scope.has(AppToken)).toBe(false)
  })
})
