import { createApp, createToken, definePlugin, Logger } from 'rookery'
import { di, inject, injectable, resolve } from 'rookery/di'
import { describe, expect, it } from 'vitest'
import { recordingLogger } from '../support/app.ts'

interface Mailer {
  send(text: string): void
}
const Mailer = createToken<Mailer>('Mailer', "mail() from './mail'")

@injectable()
class LoggingMailer implements Mailer {
  static built = 0
  constructor(@inject(Logger) readonly log: Logger) {
    LoggingMailer.built++
  }
  send(text: string): void {
    this.log.info({ text }, 'mail')
  }
}

@injectable()
class Billing {
  constructor(
    @inject(Mailer) readonly mailer: Mailer,
    @inject(Logger) readonly log: Logger,
  ) {}
}

describe('rookery/di', () => {
  it('constructs application classes with their dependencies, and one instance for each token', () => {
    const logger = recordingLogger()
    const app = createApp({
      logger,
      plugins: [di({ providers: [{ token: Mailer, useClass: LoggingMailer }] })],
    })
    expect(LoggingMailer.built).toBe(0)
    const one = resolve(app.scope, Billing)
    const other = resolve(app.scope, Billing)
    expect(one).toBeInstanceOf(Billing)
    expect(one).not.toBe(other)
    expect(one.mailer).toBe(other.mailer)
    expect(LoggingMailer.built).toBe(1)
    one.mailer.send('hello')
    expect(logger.lines).toEqual([{ level: 'info', msg: 'mail', text: 'hello' }])
  })

  it('lets plugins require a token that a class provides', async () => {
    const plugin = definePlugin({
      name: 'reports',
      requires: [Mailer],
      start: (scope) => scope.get(Mailer).send('started'),
    })
    const logger = recordingLogger()
    const app = createApp({
      logger,
      plugins: [plugin, di({ providers: [{ token: Mailer, useClass: LoggingMailer }] })],
    })
    await app.start()
    expect(logger.lines[0]).toMatchObject({ text: 'started' })
    await app.stop()
  })

  it('names a missing token and the plugin that provides it', () => {
    const app = createApp({ logger: 'silent' })
    expect(() => resolve(app.scope, Billing)).toThrow(
      expect.objectContaining({
        code: 'missing_provider',
        message: "No plugin provides Mailer; add mail() from './mail' to the plugins",
      }),
    )
  })

  it('refuses classes without @injectable and parameters without @inject', () => {
    class Plain {}
    expect(() => resolve(createApp({ logger: 'silent' }).scope, Plain)).toThrow(
      /Plain needs the decorator @injectable/,
    )
    expect(() => {
      @injectable()
      class Half {
        constructor(
          @inject(Logger) readonly log: Logger,
          readonly other: string,
        ) {}
      }
      return Half
    }).toThrow(/Half: parameter 1 needs @inject\(token\)/)
    expect(() => di({ providers: [Plain] as never })).toThrow(/option 'providers' must be a list/)
    expect(() => di({} as never)).toThrow(/option 'providers' must be a list/)
    expect(() => di(undefined as never)).toThrow(/option 'providers' must be a list/)
  })

  it('reports classes that depend on each other', () => {
    const A = createToken<object>('A')
    const B = createToken<object>('B')
    @injectable()
    class NeedsB {
      constructor(@inject(B) readonly b: object) {}
    }
    @injectable()
    class NeedsA {
      constructor(@inject(A) readonly a: object) {}
    }
    const app = createApp({
      logger: 'silent',
      plugins: [
        di({
          providers: [
            { token: A, useClass: NeedsB },
            { token: B, useClass: NeedsA },
          ],
        }),
      ],
    })
    expect(() => app.scope.get(A)).toThrow(
      expect.objectContaining({ code: 'dependency_cycle', message: expect.stringContaining('A -> B -> A') }),
    )
  })
})
